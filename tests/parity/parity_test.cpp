// The whole model against an independent one that is written from the paper's equations
// (tests/reference/paper_cat.py): same safetensors, same input; logits to 1e-4, the gradient of
// every parameter to 1e-3 of that tensor's scale. Both are computed in double precision, where
// no ReLU and no maximum flips by rounding (in single precision some do, and each moves a gradient
// by up to a hundredth), and then held to a hundredth of these tolerances; logits also in single.
// Every ablation row at 224, 240, 288 and 448 pixels with ResNet-18 and d = 64, every other switch
// at 240, some rows with ResNeXt50 and d = 512; 240 pixels in every run, the rest is slow. The
// files of a row take up to 200 MB: each test makes its own and removes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "golden.h"
#include "model/losses.h"
#include "model/weights.h"
#include "support/text.h"
#include "wide_heads.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr double kLogitTolerance = 1e-4;  // in single precision
constexpr double kDoubleLogitTolerance = 1e-6;
constexpr double kGradientTolerance = 1e-5;
// A tensor whose gradient is zero in exact arithmetic (the bias of the keys) has only rounding in
// it; its scale is not below this share of the largest gradient.
constexpr double kLeastScale = 1e-4;

double scale_of(const torch::Tensor& tensor) { return tensor.abs().max().item<double>(); }

std::string row_of(const std::string& name) { return name.substr(0, name.rfind('-')); }
std::string at_size(const std::string& row, int size) { return text("%s-%d", row.c_str(), size); }

// Cases of tests/golden/parity_cases.py, as files for as long as this lives.
class Cases {
 public:
  explicit Cases(std::vector<std::string> names)
      : names_(std::move(names)),
        folder_(fs::path(testing::TempDir()) /
                text("parity_%s_%zu", row_of(names_.front()).c_str(), names_.size())) {
    std::string command = CATAMARAN_PYTHON " " CATAMARAN_PARITY_SCRIPT " " + folder_.string();
    for (const std::string& name : names_) command.append(" ").append(name);
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  }
  ~Cases() {
    std::error_code code;
    fs::remove_all(folder_, code);
  }
  Cases(const Cases&) = delete;
  Cases& operator=(const Cases&) = delete;

  const std::vector<std::string>& names() const { return names_; }
  std::map<std::string, torch::Tensor> input(const std::string& name) const {
    return read_safetensors(folder_ / (name + ".input.safetensors")).tensors;
  }
  std::map<std::string, torch::Tensor> expected(const std::string& name) const {
    return read_safetensors(folder_ / (name + ".expected.safetensors")).tensors;
  }
  Cat model(const std::string& name) const {
    std::vector<std::string> classes;
    Cat cat = load_model(folder_ / (row_of(name) + ".weights.safetensors"), classes);
    cat->eval();
    return cat;
  }

 private:
  std::vector<std::string> names_;
  fs::path folder_;
};

using Tensors = std::map<std::string, torch::Tensor>;

torch::Tensor logits_of(Cat& cat, const Tensors& input) {
  const torch::NoGradGuard no_grad;
  return cat->forward(input.at("x")).yhat_BL;
}

// Logits in double precision; the gradients of the mean loss are then in the parameters.
torch::Tensor forward_and_backward(Cat& cat, const Tensors& input, double expected_loss) {
  cat->to(torch::kFloat64);
  const torch::Tensor logits_BL = cat->forward(input.at("x").to(torch::kFloat64)).yhat_BL;
  const LossSum loss = bce_with_ignore(logits_BL, input.at("y"));
  (loss.sum / loss.count).backward();
  EXPECT_NEAR((loss.sum / loss.count).item<double>(), expected_loss, kLogitTolerance);
  return logits_BL.detach();
}

void expect_equal_gradients(Cat& cat, const Tensors& expected) {
  double largest = 0;
  std::set<std::string> wanted;
  for (const auto& [name, tensor] : expected) {
    if (!name.starts_with("grad.")) continue;
    largest = std::max(largest, scale_of(tensor));
    wanted.insert(name.substr(5));
  }
  for (const auto& item : cat->named_parameters()) {
    if (!item.value().requires_grad()) continue;
    ASSERT_EQ(wanted.erase(item.key()), 1u) << item.key();
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    const torch::Tensor& gradient = expected.at("grad." + item.key());
    const double scale = std::max(scale_of(gradient), kLeastScale * largest);
    EXPECT_LT(largest_difference(item.value().grad(), gradient) / scale, kGradientTolerance)
        << item.key() << " of scale " << scale << ", largest " << largest;
  }
  EXPECT_TRUE(wanted.empty()) << *wanted.begin();
}

void expect_parity(const std::vector<std::string>& names) {
  const Cases cases(names);
  for (const std::string& name : cases.names()) {
    SCOPED_TRACE(name);
    Cat cat = cases.model(name);
    const Tensors input = cases.input(name);
    const Tensors expected = cases.expected(name);
    EXPECT_LT(largest_difference(logits_of(cat, input), expected.at("logits")), kLogitTolerance);
    const torch::Tensor logits_BL =
        forward_and_backward(cat, input, expected.at("loss").item<double>());
    EXPECT_LT(largest_difference(logits_BL, expected.at("logits")), kDoubleLogitTolerance);
    expect_equal_gradients(cat, expected);
  }
}

// Cases with the same weights.
struct Group {
  std::string name;
  std::vector<std::string> cases;
};

void PrintTo(const Group& group, std::ostream* out) { *out << group.name; }

std::vector<Group> rows_at(const std::vector<int>& sizes) {
  std::vector<Group> groups;
  for (const char* row : {"cat", "no_lrd", "no_pma", "no_clf", "backbone_fpn", "backbone",
                          "upsampled", "upsampled_no_pma"}) {
    Group group{row, {}};
    for (const int size : sizes) {
      group.name += text("_%d", size);
      group.cases.push_back(at_size(row, size));
    }
    groups.push_back(group);
  }
  return groups;
}

std::string test_name(const testing::TestParamInfo<Group>& info) { return info.param.name; }

class ParityOfRow : public testing::TestWithParam<Group> {};

TEST_P(ParityOfRow, WithThePapersEquations) { expect_parity(GetParam().cases); }

INSTANTIATE_TEST_SUITE_P(Small, ParityOfRow, testing::ValuesIn(rows_at({240})), test_name);
INSTANTIATE_TEST_SUITE_P(Slow, ParityOfRow, testing::ValuesIn(rows_at({224, 288, 448})), test_name);
INSTANTIATE_TEST_SUITE_P(
    SlowResNeXt50, ParityOfRow,
    testing::Values(Group{"cat_448", {"large-cat-448"}}, Group{"no_clf_224", {"large-no_clf-224"}},
                    Group{"upsampled_no_pma_240", {"large-upsampled_no_pma-240"}},
                    Group{"backbone_288", {"large-backbone-288"}}),
    test_name);

TEST(ParityOfSwitches, OfThePyramidWithThePapersEquations) {
  expect_parity({"upsample_then_conv-240", "deconv-240", "shared_conv-240"});
}

TEST(ParityOfSwitches, OfAttentionWithThePapersEquations) {
  expect_parity({"pre_norm-240", "sine2d-240", "sine2d_no_pma-240", "sine2d_upsampled_pre_norm-240",
                 "no_residual-240", "strides_3_5-240", "grid_7-240"});
}

TEST(ParityOfSwitches, OfTheHeadsWithThePapersEquations) {
  expect_parity({"pool_max-240", "pool_topk-240", "pool_csra-240"});
}

// Where levels divide evenly, up-sampled queries are copies, and so are their outputs.
TEST(ParityOfUpsampledQueries, WithTheUpperLevelsButAt240Pixels) {
  const torch::NoGradGuard no_grad;
  for (const bool pma : {true, false}) {
    CatOptions options;
    options.backbone.name = "resnet18";
    options.attention.dim = 64;
    options.attention.heads = 4;
    options.attention.ffn_dim = 96;
    options.cla.pma = pma;
    Cat of_upper(options, 6);
    options.cla.query = "upsampled";
    Cat of_upsampled(options, 6);
    for (Cat* cat : {&of_upper, &of_upsampled}) {
      initialise(**cat, 5);
      widen_heads(**cat);
      for (auto& item : (*cat)->named_parameters()) {  // attention far from uniform
        if (item.key().ends_with(".q.weight")) item.value().mul_(8);
      }
      (*cat)->eval();
    }
    for (const int size : {224, 240, 288, 448}) {
      const Tensors input = {{"x", torch::randn({1, 3, size, size})}};
      const double apart =
          largest_difference(logits_of(of_upper, input), logits_of(of_upsampled, input));
      if (size == 240) {
        EXPECT_GT(apart, 10 * kLogitTolerance) << size << " pma " << pma;
      } else {
        EXPECT_LT(apart, kLogitTolerance / 10) << size << " pma " << pma;
      }
    }
  }
}

TEST(Parity, SeesAChangeOfAHundredthInOneWeight) {
  const std::vector<std::string> names = {"upsampled-240"};
  const Cases cases(names);
  const std::string& name = names.front();
  Cat cat = cases.model(name);
  {
    const torch::NoGradGuard no_grad;
    cat->named_parameters()["cla3.attention.out.weight"].mul_(1.01);
  }
  const Tensors expected = cases.expected(name);
  forward_and_backward(cat, cases.input(name), expected.at("loss").item<double>());
  const torch::Tensor& gradient = expected.at("grad.cla3.attention.v.weight");
  EXPECT_GT(largest_difference(cat->named_parameters()["cla3.attention.v.weight"].grad(), gradient),
            kGradientTolerance * scale_of(gradient));
}

}  // namespace
}  // namespace catamaran
