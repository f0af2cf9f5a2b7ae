#include "trainer/parameter_groups.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "golden_file.h"
#include "model/backbone.h"
#include "model/cat.h"

namespace catamaran {
namespace {

NamedTensors named(const torch::nn::Module& module, const std::string& prefix = "") {
  NamedTensors found;
  for (const auto& item : module.named_parameters())
    found.emplace_back(prefix + item.key(), item.value());
  return found;
}

Cat small_cat() {
  CatOptions options;
  options.backbone.name = "resnet10_narrow";
  options.attention.dim = 32;
  options.attention.ffn_dim = 64;
  return Cat(options, 5);
}

bool is_vector(const std::string& name) {  // of a norm, a bias, a fusion weight
  return name.ends_with("bias") || name.find("bn") != std::string::npos ||
         name.find("norm") != std::string::npos ||
         name.find("downsample.1.") != std::string::npos || name == "alpha" || name == "beta" ||
         name == "gamma";
}

TEST(ParameterGroups, HoldEveryTensorOfAModelOnceAndDecayNoNormBiasOrFusionWeight) {
  Cat cat = small_cat();
  OptimizerOptions options{.backbone_ratio = 0.1, .head_ratio = 3, .weight_decay = 0.02};
  std::set<std::string> seen;
  for (const ParameterGroup& group : group_parameters(options, named(*cat))) {
    for (const std::string& name : group.names) {
      EXPECT_TRUE(seen.insert(name).second) << name;
      EXPECT_EQ(group.decayed, !is_vector(name)) << name;
      const double rate =
          name.starts_with("backbone.") ? 0.1 : (name.starts_with("head") ? 3.0 : 1.0);
      EXPECT_EQ(group.rate_factor, rate) << name;
      EXPECT_EQ(group.weight_decay, is_vector(name) ? 0 : 0.02) << name;
    }
    EXPECT_EQ(group.names.size(), group.members.size());
  }
  EXPECT_EQ(seen.size(), named(*cat).size());
  const std::vector<size_t> numbers = group_numbers(options, named(*cat));
  const std::vector<ParameterGroup> groups = group_parameters(options, named(*cat));
  for (size_t p = 0; p < numbers.size(); ++p)
    EXPECT_EQ(std::ranges::count(groups[numbers[p]].members, p), 1);
}

// Computed by timm beside this test (tests/golden/trainer.py).
TEST(ParameterGroups, LayerDecayCountsStagesAsTimmDoes) {
  std::ifstream file(golden_path("stages.json"));
  const nlohmann::json levels = nlohmann::json::parse(file);
  ASSERT_EQ(levels.size(), 5u);
  const OptimizerOptions options{.backbone_ratio = 0.5, .layer_decay = 0.7};
  for (const auto& [backbone, level] : levels.items()) {
    const NamedTensors parameters =
        named(*make_backbone(backbone, BackboneEnd::kBeforePooling), "backbone.");
    size_t count = 0;
    for (const ParameterGroup& group : group_parameters(options, parameters)) {
      for (const std::string& name : group.names) {
        const auto k = level.at(name.substr(9)).get<double>();
        EXPECT_NEAR(group.rate_factor, 0.5 * std::pow(0.7, k), 1e-12) << backbone << " " << name;
        ++count;
      }
    }
    EXPECT_EQ(count, parameters.size());
  }
}

TEST(ParameterGroups, AreATableForPeople) {
  Cat cat = small_cat();
  const std::string table = table_of_groups(group_parameters({.layer_decay = 0.5}, named(*cat)));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 14);  // 5 levels, heads, new layers
  EXPECT_NE(table.find("backbone, 1 from the top"), std::string::npos) << table;
  EXPECT_NE(table.find("heads"), std::string::npos) << table;
  int64_t values = 0;
  for (const auto& [name, tensor] : named(*cat)) values += tensor.numel();
  std::istringstream lines(table);
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line);)
    values -= std::stol(line.substr(34, 12));
  EXPECT_EQ(values, 0) << table;
}

}  // namespace
}  // namespace catamaran
