// Our optimizers against torch::optim, on a model with backbone and new parameters, decayed and
// not.
#include "trainer/optimizer.h"

#include <gtest/gtest.h>

#include "optimizer_arena.h"
#include "support/error.h"
#include "trainer/ema.h"

namespace catamaran {
namespace {

NamedTensors some_parameters() {
  torch::manual_seed(1);
  NamedTensors named;
  for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
           {"backbone.conv.weight", {4, 3, 3, 3}},
           {"backbone.bn.weight", {4}},
           {"head1.fc.weight", {5, 8}},
           {"head1.fc.bias", {5}},
           {"alpha", {}}}) {
    torch::Tensor tensor = torch::randn(shape);
    if (tensor.dim() == 4) tensor = tensor.contiguous(at::MemoryFormat::ChannelsLast);
    named.emplace_back(name, tensor.requires_grad_());
  }
  return named;
}

// torch::optim with one parameter group per tensor, set up by hand.
template <typename Options, typename Optim>
void compare(const OptimizerOptions& ours, const Options& base) {
  NamedTensors mine = some_parameters();
  NamedTensors theirs = some_parameters();
  const std::unique_ptr<ParameterArena> arena = optimizer_arena(ours, mine);
  const std::unique_ptr<Optimizer> optimizer = make_optimizer(ours, mine, *arena);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (const auto& [name, tensor] : theirs) {
    Options options = base;
    options.lr(name.starts_with("backbone.") ? ours.learning_rate * ours.backbone_ratio
                                             : ours.learning_rate);
    options.weight_decay(tensor.dim() >= 2 ? ours.weight_decay : 0);
    groups.emplace_back(std::vector<torch::Tensor>{tensor}, std::make_unique<Options>(options));
  }
  Optim reference(groups, base);
  for (int step = 0; step < 5; ++step) {
    for (size_t i = 0; i < mine.size(); ++i) {
      const torch::Tensor gradient = torch::randn(mine[i].second.sizes());
      torch::Tensor(arena->gradient(i)).copy_(gradient * 4);
      theirs[i].second.mutable_grad() = gradient;
    }
    optimizer->step(ours.learning_rate, 0.25);
    reference.step();
    for (size_t i = 0; i < mine.size(); ++i) {
      EXPECT_LT((mine[i].second - theirs[i].second).abs().max().item<double>(), 2e-6)
          << mine[i].first << " step " << step;
    }
  }
}

TEST(Optimizer, SgdEqualsTorchWithMomentumAndDecayOnlyOnMatrices) {
  OptimizerOptions o;
  o.name = "sgd";
  o.learning_rate = 0.1;
  o.backbone_ratio = 0.1;
  o.weight_decay = 0.05;
  compare<torch::optim::SGDOptions, torch::optim::SGD>(o,
                                                       torch::optim::SGDOptions(0.1).momentum(0.9));
}

TEST(Optimizer, SgdWithoutMomentumEqualsTorch) {
  OptimizerOptions o;
  o.name = "sgd";
  o.learning_rate = 0.1;
  o.backbone_ratio = 1;
  o.weight_decay = 0;
  o.momentum = 0;
  compare<torch::optim::SGDOptions, torch::optim::SGD>(o, torch::optim::SGDOptions(0.1));
}

TEST(Optimizer, AdamWEqualsTorch) {
  OptimizerOptions o;
  o.learning_rate = 0.01;
  o.backbone_ratio = 0.5;
  o.weight_decay = 0.1;
  compare<torch::optim::AdamWOptions, torch::optim::AdamW>(o, torch::optim::AdamWOptions(0.01));
}

TEST(Optimizer, RefusesAStateOfAnotherModelNamingTheTensor) {
  const NamedTensors named = some_parameters();
  const std::unique_ptr<ParameterArena> arena = optimizer_arena({}, named);
  const std::unique_ptr<Optimizer> optimizer = make_optimizer({}, named, *arena);
  std::map<std::string, torch::Tensor> saved;
  for (const auto& [name, tensor] : optimizer->state()) saved[name] = torch::ones_like(tensor);
  optimizer->load_state(saved, "here");
  EXPECT_TRUE(torch::equal(optimizer->state().front().second,
                           torch::ones_like(optimizer->state().front().second)));
  saved.erase("exp_avg/head1.fc.bias");
  try {
    optimizer->load_state(saved, "here");
    FAIL();
  } catch (const WeightsError& problem) {
    EXPECT_NE(std::string(problem.what()).find("exp_avg/head1.fc.bias"), std::string::npos);
  }
}

// Momentum, and what else a checkpoint holds, by name and in the shape of its parameter.
TEST(Optimizer, NamesItsStateAfterTheParameters) {
  const NamedTensors named = some_parameters();
  const std::map<std::string, std::vector<std::string>> kinds = {
      {"sgd", {"momentum"}},
      {"lars", {"momentum"}},
      {"adamw", {"exp_avg", "exp_avg_sq", "step"}},
      {"lamb", {"exp_avg", "exp_avg_sq"}}};
  for (const auto& [name, wanted] : kinds) {
    OptimizerOptions options;
    options.name = name;
    const std::unique_ptr<ParameterArena> arena = optimizer_arena(options, named);
    const NamedTensors state = make_optimizer(options, named, *arena)->state();
    std::map<std::string, torch::Tensor> found(state.begin(), state.end());
    EXPECT_EQ(found.size(), wanted.size() * named.size() + (name == "lamb" ? 1 : 0));
    for (const std::string& kind : wanted) {
      for (const auto& [parameter, tensor] : named) {
        ASSERT_TRUE(found.contains(kind + "/" + parameter)) << name << ": " << kind;
        const torch::Tensor& state_tensor = found[kind + "/" + parameter];
        if (kind == "step") {
          EXPECT_EQ(state_tensor.dim(), 0);
        } else {
          EXPECT_EQ(state_tensor.sizes(), tensor.sizes());
          EXPECT_EQ(state_tensor.strides(), tensor.strides());
        }
      }
    }
  }
}

TEST(Ema, OfAnArenaIsThatOfItsTensors) {
  torch::nn::Sequential model(torch::nn::Linear(5, 3), torch::nn::BatchNorm1d(3));
  model->named_parameters()["0.bias"].set_requires_grad(false);  // not trained, not in the arena
  NamedTensors trained;
  for (const auto& item : model->named_parameters()) {
    if (item.value().requires_grad()) trained.emplace_back(item.key(), item.value());
  }
  const std::unique_ptr<ParameterArena> arena = optimizer_arena({}, trained);
  const EmaOptions options{.decay = 0.9, .reference_batch = 10, .warmup = false};
  Ema flat(*model, options, 10, arena.get());
  Ema each(*model, options, 10);
  for (int step = 0; step < 3; ++step) {
    const torch::NoGradGuard no_grad;
    for (const auto& item : model->named_parameters())
      torch::Tensor(item.value()).add_(torch::randn(item.value().sizes()));
    model->forward(torch::randn({4, 5}));
    flat.update();
    each.update();
  }
  ASSERT_EQ(flat.average().size(), each.average().size());
  for (size_t i = 0; i < flat.average().size(); ++i) {
    const auto& [name, tensor] = flat.average()[i];
    EXPECT_EQ(name, each.average()[i].first);
    EXPECT_TRUE(torch::allclose(tensor, each.average()[i].second, 1e-6, 1e-6)) << name;
  }
}

TEST(Ema, AveragesAndSwapsForAScope) {
  torch::nn::Linear model(2, 1);
  EmaOptions options{.decay = 0.9, .reference_batch = 10, .warmup = false};
  Ema ema(*model, options, 20);  // decay' = 0.81
  const torch::Tensor first = model->weight.detach().clone();
  {
    const torch::NoGradGuard no_grad;
    model->weight.add_(1);
  }
  ema.update();
  const torch::Tensor average = ema.average()[0].second;
  EXPECT_LT((average - (first + 0.19)).abs().max().item<double>(), 1e-6);
  {
    const EmaSwap swap(ema);
    EXPECT_LT((model->weight - (first + 0.19)).abs().max().item<double>(), 1e-6);
  }
  EXPECT_LT((model->weight - (first + 1)).abs().max().item<double>(), 1e-6);
  EmaOptions off{.decay = 0, .reference_batch = 10, .warmup = false};
  EXPECT_TRUE(Ema(*model, off, 20).average().empty());
}

}  // namespace
}  // namespace catamaran
