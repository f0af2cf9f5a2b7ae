// Our optimizers against PyTorch's and timm's, which tests/golden/trainer.py ran on the
// same gradients; half way the state goes through a file into a new optimizer.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "golden_file.h"
#include "model/safetensors.h"
#include "optimizer_arena.h"
#include "trainer/flat_updates.h"
#include "trainer/gradient_clip.h"
#include "trainer/optimizer.h"

namespace catamaran {
namespace {

using nlohmann::json;

OptimizerOptions options_of(const json& given) {
  OptimizerOptions o;
  o.name = given["name"].get<std::string>();
  o.learning_rate = given["learning_rate"].get<double>();
  o.backbone_ratio = given.value("backbone_ratio", o.backbone_ratio);
  o.weight_decay = given["weight_decay"].get<double>();
  o.momentum = given.value("momentum", o.momentum);
  o.nesterov = given.value("nesterov", o.nesterov);
  o.epsilon = given.value("epsilon", o.epsilon);
  o.lars_variant = given.value("lars_variant", o.lars_variant);
  o.trust_coefficient = given.value("trust_coefficient", o.trust_coefficient);
  o.trust_cap = given.value("trust_cap", o.trust_cap);
  return o;
}

// A model's parameters and their gradients under an optimizer, fed from the golden file.
class FedOptimizer {
 public:
  FedOptimizer(const OptimizerOptions& options, const std::map<std::string, torch::Tensor>& golden)
      : options_(options), golden_(golden) {
    for (const auto& [name, tensor] : golden) {
      if (!name.starts_with("start/")) continue;
      torch::Tensor weight = tensor.clone();
      if (weight.dim() == 4) weight = weight.contiguous(at::MemoryFormat::ChannelsLast);
      weights_.emplace_back(name.substr(6), weight.requires_grad_());
    }
    make();
  }

  void step(int64_t t, double rate, double max_norm) {
    for (size_t i = 0; i < weights_.size(); ++i)
      torch::Tensor(arena_->gradient(i)).copy_(golden_.at("gradient/" + weights_[i].first)[t]);
    optimizer_->step(rate, norm_clip_factor(flat_norm(arena_->gradients()), max_norm));
  }

  // As a run does that is resumed.
  void restart(const std::filesystem::path& file) {
    write_safetensors(file, optimizer_->state(), {});
    for (auto& [name, weight] : weights_) weight = weight.detach().clone().requires_grad_();
    make();
    optimizer_->load_state(read_safetensors(file).tensors, file.string());
  }

  const NamedTensors& weights() const { return weights_; }

 private:
  void make() {
    arena_ = optimizer_arena(options_, weights_);
    optimizer_ = make_optimizer(options_, weights_, *arena_);
  }

  OptimizerOptions options_;
  const std::map<std::string, torch::Tensor>& golden_;
  NamedTensors weights_;
  std::unique_ptr<ParameterArena> arena_;
  std::unique_ptr<Optimizer> optimizer_;
};

double difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.detach().to(torch::kFloat64) - b).abs().max().item<double>();
}

TEST(Optimizer, EqualsPyTorchAndTimmOverFiftyStepsAlsoAcrossARestart) {
  const TensorFile golden = read_safetensors(golden_path("optimizers.safetensors"));
  std::ifstream file(golden_path("optimizers.json"));
  const json cases = json::parse(file);
  ASSERT_EQ(cases.size(), 11u);
  const std::filesystem::path state =
      std::filesystem::path(::testing::TempDir()) / "optimizer_golden.safetensors";
  for (const json& made : cases) {
    const auto name = made["case"].get<std::string>();
    FedOptimizer run(options_of(made["options"]), golden.tensors);
    const auto rates = made["rates"].get<std::vector<double>>();
    ASSERT_EQ(rates.size(), 50u);
    double worst = 0;
    for (int64_t t = 0; t < 50; ++t) {
      if (t == 25) run.restart(state);
      run.step(t, rates[static_cast<size_t>(t)], made["options"].value("max_norm", 0.0));
      for (const auto& [weight, value] : run.weights()) {
        const double apart = difference(value, golden.tensors.at(name + "/" + weight)[t]);
        worst = std::max(worst, apart);
        ASSERT_LT(apart, 1e-6) << name << ", " << weight << ", step " << t;
      }
    }
    RecordProperty(name, std::to_string(worst * 1e9) + "e-9");
  }
  std::filesystem::remove(state);
}

// The tolerance tells the variants apart, so a wrong denominator would show.
TEST(Optimizer, GoldenValuesOfTheVariantsDifferByFarMoreThanTheTolerance) {
  const TensorFile golden = read_safetensors(golden_path("optimizers.safetensors"));
  const auto last = [&](const std::string& name) {
    return golden.tensors.at(name + "/head1.fc.weight")[49];
  };
  EXPECT_GT(difference(last("lars_timm"), last("lars_moco")), 1e-4);
  EXPECT_GT(difference(last("lars_timm"), last("lars_timm_nesterov")), 1e-4);
  EXPECT_GT(difference(last("lars_timm"), last("larc")), 1e-4);
  EXPECT_GT(difference(last("sgd"), last("sgd_nesterov")), 1e-4);
  EXPECT_GT(difference(last("lamb"), last("lamb_capped_and_clipped")), 1e-4);
}

}  // namespace
}  // namespace catamaran
