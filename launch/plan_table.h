// What `catamaran plan` prints: tables in Markdown, so that they read in a terminal and in docs/,
// or JSON.
//
//   const PlannedConfig planned = plan_config("configs/cat.toml", options, /*labels=*/80);
//   std::fputs(plan_text(planned).c_str(), stdout);
//
// Measuring takes seconds a configuration (model/cost.h). Errors: UsageError from the options. One
// thread at a time.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/cost.h"
#include "trainer/options.h"
#include "trainer/plan.h"

namespace catamaran {

// A way to compute: precision and attention kernel; the columns of the tables.
struct PlannedMode {
  ActivationType precision;
  AttentionKernel kernel;
  const char* name;  // "fp32, materialised"
  const char* key;   // in JSON
};
constexpr std::array<PlannedMode, 4> kPlannedModes = {{
    {ActivationType::kFp32, AttentionKernel::kMaterialised, "fp32, materialised",
     "fp32_materialised"},
    {ActivationType::kFp32, AttentionKernel::kFused, "fp32, fused", "fp32_fused"},
    {ActivationType::kBf16, AttentionKernel::kMaterialised, "bf16, materialised",
     "bf16_materialised"},
    {ActivationType::kBf16, AttentionKernel::kFused, "bf16, fused", "bf16_fused"},
}};
constexpr std::array<int64_t, 5> kCardGibibytes = {11, 16, 24, 40, 80};

struct PlannedConfig {
  std::string name;
  RunOptions options;
  int64_t labels = 0;
  bool labels_assumed = false;  // neither a pack nor the user says how many: the tables tell
  ModelCost materialised;
  ModelCost fused;

  const ModelCost& cost(AttentionKernel kernel) const {
    return kernel == AttentionKernel::kFused ? fused : materialised;
  }
  MemoryPlan memory(const PlannedMode& mode) const {
    return plan_memory(options, cost(mode.kernel), mode.precision);
  }
};
PlannedConfig plan_config(const std::string& name, const RunOptions& options, int64_t labels);

// One configuration: costs by part, memory of a step, what fits which card.
std::string plan_text(const PlannedConfig& planned);
// Several: a line each.
std::string comparison_text(const std::vector<PlannedConfig>& planned);
nlohmann::json plan_json(const PlannedConfig& planned);

// How one cross-layer block grows with the lower level's area, with and without PMA.
struct GrowthRow {
  std::string variant;
  CrossLayerShape shape;
  PartCost materialised;
  PartCost fused;
};
std::vector<GrowthRow> measure_growth(const AttentionOptions& attention);
std::string growth_text(const std::vector<GrowthRow>& rows);
nlohmann::json growth_json(const std::vector<GrowthRow>& rows);

}  // namespace catamaran
