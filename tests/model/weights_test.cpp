// Weights into and out of a model: what counts as a whole model, coverage, other classes, and files
// that describe one model and hold another.
#include "model/weights.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "golden.h"
#include "small_options.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, torch::Tensor>;

const std::vector<std::string> kClasses = {"a", "b", "c", "d", "e"};

fs::path scratch(const std::string& name) {
  const fs::path folder = fs::path(testing::TempDir()) / "weights_test";
  fs::create_directories(folder);
  return folder / name;
}

Cat small_model(const CatOptions& options = small_options()) {
  Cat cat(options, static_cast<int64_t>(kClasses.size()));
  initialise(*cat, 3);
  return cat;
}

fs::path saved(const std::string& name, const NamedTensors& state,
               const CatOptions& options = small_options()) {
  const fs::path file = scratch(name);
  save_model(file, state, options, kClasses);
  return file;
}

NamedTensors without(NamedTensors state, const std::string& name) {
  std::erase_if(state, [&](const auto& item) { return item.first == name; });
  return state;
}

std::string refusal(const fs::path& file) {
  std::vector<std::string> classes;
  try {
    load_model(file, classes);
  } catch (const WeightsError& problem) {
    return problem.what();
  }
  return "accepted";
}

TEST(WholeModel, IsToldByABackboneAndAHeadWhateverTheSwitches) {
  CatOptions plain = small_options();
  plain.fpn.enabled = plain.lrd_enabled = plain.cla.enabled = false;
  CatOptions frozen = small_options();
  frozen.head.frozen_fusion = true;
  frozen.lrd_enabled = false;
  for (const CatOptions& options : {small_options(), plain, frozen}) {
    const fs::path file = saved("whole.safetensors", state_dict(*small_model(options)), options);
    EXPECT_TRUE(holds_whole_model(list_safetensors(file)));
    std::vector<std::string> classes;
    EXPECT_EQ(to_json(load_model(file, classes)->options()), to_json(options));
    EXPECT_EQ(classes, kClasses);
  }
  EXPECT_FALSE(
      holds_whole_model(list_safetensors(golden_folder() / "resnet18.weights.safetensors")));
  const fs::path odd = scratch("odd.safetensors");  // a backbone that has a tensor called alpha
  write_safetensors(odd, {{"alpha", torch::ones({1})}, {"conv1.weight", torch::ones({1})}}, {});
  EXPECT_FALSE(holds_whole_model(list_safetensors(odd)));
}

TEST(WholeModel, GoesOutAndInValueForValue) {
  Cat from = small_model();
  const fs::path file = saved("round.safetensors", state_dict(*from));
  Cat to(small_options(), 5);
  const Coverage coverage = load_whole_model(*to, file, kClasses);
  EXPECT_TRUE(coverage.complete()) << coverage.table();
  EXPECT_DOUBLE_EQ(coverage.ratio(), 1);
  const NamedTensors a = state_dict(*from);
  const NamedTensors b = state_dict(*to);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i].second, b[i].second));
}

TEST(WholeModel, HoldsTheTypesOfTimmCountersOfBatchNormAreWholeNumbers) {
  for (const auto& [name, tensor] : state_dict(*small_model())) {
    const bool counter = name.ends_with("num_batches_tracked");
    EXPECT_EQ(tensor.scalar_type(), counter ? torch::kInt64 : torch::kFloat32) << name;
  }
}

TEST(WholeModel, HeadsForOtherClassesAreNeverCopied) {
  const fs::path file = saved("heads.safetensors", state_dict(*small_model()));
  const std::vector<std::string> swapped = {"b", "a", "c", "d", "e"};
  Cat strict(small_options(), 5);
  initialise(*strict, 9);
  const torch::Tensor before = strict->named_parameters()["fpn.topdown5.weight"].clone();
  const Coverage refused = load_whole_model(*strict, file, swapped);
  EXPECT_FALSE(refused.complete());
  EXPECT_NE(refused.table().find("class 0 is 'a' in one and 'b' in the other"), std::string::npos)
      << refused.table();
  EXPECT_EQ(largest_difference(before, strict->named_parameters()["fpn.topdown5.weight"]), 0);

  Cat partial(small_options(), 5);
  initialise(*partial, 9);
  const torch::Tensor head = partial->named_parameters()["head2.fc.weight"].clone();
  const Coverage allowed = load_whole_model(*partial, file, swapped, Copy::kWhatFits);
  EXPECT_EQ(allowed.shape_mismatch.size(), 6u);  // weight and bias of three heads
  EXPECT_EQ(largest_difference(head, partial->named_parameters()["head2.fc.weight"]), 0);
  EXPECT_GT(largest_difference(before, partial->named_parameters()["fpn.topdown5.weight"]), 0);
}

TEST(CopyCovered, CopiesWhatFitsWhenAPartIsAllowedAndNothingWhenNot) {
  const NamedTensors wanted = {{"a", torch::zeros({2})}, {"b", torch::zeros({2})}};
  const Tensors given = {{"a", torch::ones({2})}, {"b", torch::ones({3})}, {"c", torch::ones({1})}};
  Coverage coverage = copy_covered(wanted, given, Copy::kAllOrNothing);
  EXPECT_EQ(wanted[0].second.sum().item<double>(), 0);
  coverage = copy_covered(wanted, given, Copy::kWhatFits);
  EXPECT_EQ(wanted[0].second.sum().item<double>(), 2);
  EXPECT_EQ(wanted[1].second.sum().item<double>(), 0);
  EXPECT_EQ(coverage.shape_mismatch, std::vector<std::string>{"b: file [3], model [2]"});
  EXPECT_EQ(coverage.unexpected, std::vector<std::string>{"c"});
  EXPECT_DOUBLE_EQ(coverage.ratio(), 0.5);
}

TEST(CopyCovered, TakesWiderAndNarrowerNumbersButNoOtherKind) {
  const NamedTensors wanted = {{"w", torch::zeros({2})}, {"n", torch::zeros({}, torch::kInt64)}};
  const Tensors half = {{"w", torch::ones({2}, torch::kFloat16)},
                        {"n", torch::ones({}, torch::kInt32)}};
  EXPECT_TRUE(copy_covered(wanted, half, Copy::kAllOrNothing).complete());
  EXPECT_EQ(wanted[0].second.sum().item<double>(), 2);
  const Tensors whole = {{"w", torch::full({2}, 7, torch::kInt32)}, {"n", torch::ones({})}};
  const Coverage refused = copy_covered(wanted, whole, Copy::kAllOrNothing);
  EXPECT_EQ(refused.shape_mismatch,
            (std::vector<std::string>{"w: file Int, model Float", "n: file Float, model Long"}));
  EXPECT_EQ(wanted[0].second.sum().item<double>(), 2);
}

TEST(LoadModel, NamesATensorThatIsMissingTooManyOrOfAnotherShape) {
  const NamedTensors state = state_dict(*small_model());
  EXPECT_EQ(refusal(saved("good.safetensors", state)), "accepted");
  const NamedTensors fewer = without(state, "lrd.attention.q.weight");
  EXPECT_NE(refusal(saved("fewer.safetensors", fewer)).find("lrd.attention.q.weight"),
            std::string::npos);
  NamedTensors more = state;
  more.emplace_back("lrd.attention.z.weight", torch::zeros({2}));
  EXPECT_NE(refusal(saved("more.safetensors", more)).find("lrd.attention.z.weight"),
            std::string::npos);
  NamedTensors other = fewer;
  other.emplace_back("lrd.attention.q.weight", torch::zeros({32, 33}));
  EXPECT_NE(refusal(saved("other.safetensors", other))
                .find("lrd.attention.q.weight: file [32, 33], model [32, 32]"),
            std::string::npos);
}

TEST(LoadModel, RefusesASmallFileThatDescribesAHugeModelBeforeItIsMade) {
  const NamedTensors state = state_dict(*small_model());
  CatOptions wide = small_options();
  wide.attention.dim = 4096;  // the ceilings of CatOptions::check
  wide.attention.ffn_dim = 16384;
  CatOptions deep = small_options();
  deep.backbone.name = "resnet101";
  for (const CatOptions& options : {wide, deep})
    EXPECT_NE(refusal(saved("huge.safetensors", state, options)).find("too few for the model"),
              std::string::npos);
  CatOptions absurd = small_options();
  absurd.attention.dim = int64_t{1} << 40;
  EXPECT_NE(refusal(saved("absurd.safetensors", state, absurd)).find("attention.dim"),
            std::string::npos);
}

}  // namespace
}  // namespace catamaran
