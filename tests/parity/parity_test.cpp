// The whole model against an independent one that is written from the paper's equations
// (tests/reference/paper_cat.py): same safetensors, same input; logits to 1e-4, the gradient of
// every parameter to 1e-3 of that tensor's scale. Both are computed in double precision, where
// no ReLU and no maximum flips by rounding (in single precision some do, and each moves a gradient
// by up to a hundredth), and then held to a hundredth of these tolerances; logits also in single.
// Every ablation row at 224, 240, 288 and 448 pixels with ResNet-18 and d = 64, every other switch
// at 240, some rows with ResNeXt50 and d = 512. The files of a row take up to 300 MB: each test
// makes its own and removes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "golden.h"
#include "model/losses.h"
#include "model/weights.h"
#include "support/text.h"

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

// Cases of tests/golden/parity.py, as files for as long as this lives.
class Cases {
 public:
  explicit Cases(std::vector<std::string> names)
      : names_(std::move(names)),
        folder_(fs::path(testing::TempDir()) /
                text("parity_%s_%zu", row_of(names_.front()).c_str(), names_.size())) {
    const fs::path script = fs::path(__FILE__).parent_path().parent_path() / "golden/parity.py";
    std::string command = text("%s %s %s", CATAMARAN_PYTHON, script.c_str(), folder_.c_str());
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

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class Row : public testing::TestWithParam<std::string> {};

TEST_P(Row, EqualsThePapersEquationsAtEverySize) {
  const std::string row = GetParam();
  expect_parity({at_size(row, 224), at_size(row, 240), at_size(row, 288), at_size(row, 448)});
}

INSTANTIATE_TEST_SUITE_P(ResNet18, Row,
                         testing::Values("cat", "no_lrd", "no_pma", "no_clf", "backbone_fpn",
                                         "backbone", "upsampled", "upsampled_no_pma"),
                         test_name);

TEST(Switch, OfThePyramidEqualsThePapersEquations) {
  expect_parity({"upsample_then_conv-240", "deconv-240", "shared_conv-240"});
}

TEST(Switch, OfAttentionEqualsThePapersEquations) {
  expect_parity({"pre_norm-240", "sine2d-240", "sine2d_upsampled_pre_norm-240", "no_residual-240",
                 "strides_3_5-240"});
}

TEST(Switch, OfTheHeadsEqualsThePapersEquations) {
  expect_parity({"pool_max-240", "pool_topk-240", "pool_csra-240"});
}

class FullSize : public testing::TestWithParam<std::string> {};

TEST_P(FullSize, EqualsThePapersEquations) { expect_parity({GetParam()}); }

INSTANTIATE_TEST_SUITE_P(ResNeXt50, FullSize,
                         testing::Values("large-cat-448", "large-no_clf-224",
                                         "large-upsampled_no_pma-240", "large-backbone-288"),
                         test_name);

class UpsampledQueries : public testing::TestWithParam<std::string> {};

TEST_P(UpsampledQueries, DifferFromTheUpperLevelsAt240PixelsAndOnlyThere) {
  const std::string pma = GetParam();
  const char* upper = pma.empty() ? "cat" : "no_pma";
  const char* upsampled = pma.empty() ? "upsampled" : "upsampled_no_pma";
  std::vector<std::string> names;
  for (const int size : {224, 240, 288, 448}) {
    names.push_back(at_size(upper, size));
    names.push_back(at_size(upsampled, size));
  }
  const Cases cases(names);
  for (size_t i = 0; i < names.size(); i += 2) {
    Cat of_upper = cases.model(names[i]);
    Cat of_upsampled = cases.model(names[i + 1]);
    const Tensors input = cases.input(names[i]);
    const double apart =
        largest_difference(logits_of(of_upper, input), logits_of(of_upsampled, input));
    if (names[i].ends_with("-240")) {
      EXPECT_GT(apart, 10 * kLogitTolerance) << names[i];
    } else {
      EXPECT_LT(apart, kLogitTolerance / 10) << names[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutPma, UpsampledQueries, testing::Values("", "_no_pma"),
                         [](const auto& info) { return "pma" + info.param; });

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
