// The part of plan_table.h about growth: one cross-layer block, lower levels of doubling area.
#include <nlohmann/json.hpp>

#include "launch/plan_table.h"
#include "support/text.h"

namespace catamaran {

std::vector<GrowthRow> measure_growth(const AttentionOptions& attention) {
  ClaOptions pma;
  ClaOptions none;
  none.pma = false;
  ClaOptions none_upsampled = none;
  none_upsampled.query = "upsampled";
  ClaOptions grid_upsampled = none_upsampled;
  grid_upsampled.pma = true;
  grid_upsampled.kv_grid = 14;
  const std::vector<std::pair<std::string, ClaOptions>> variants = {
      {"PMA, stride 2", pma},
      {"without PMA", none},
      {"PMA, grid 14, queries up-sampled", grid_upsampled},
      {"without PMA, queries up-sampled", none_upsampled}};
  const std::vector<CrossLayerShape> shapes = {
      {14, 14, 14}, {14, 28, 14}, {14, 28, 28}, {14, 56, 28}, {14, 56, 56}};
  std::vector<GrowthRow> rows;
  for (const auto& [name, cla] : variants) {
    for (const CrossLayerShape& shape : shapes) {
      rows.push_back({name, shape,
                      measure_cross_layer(attention, cla, shape, AttentionKernel::kMaterialised),
                      measure_cross_layer(attention, cla, shape, AttentionKernel::kFused)});
    }
  }
  return rows;
}

std::string growth_text(const std::vector<GrowthRow>& rows) {
  std::string out =
      "| attention | lower level | queries | keys | MMAC | MiB, materialised | MiB, fused |\n"
      "|---|---:|---:|---:|---:|---:|---:|\n";
  for (const GrowthRow& row : rows) {
    out += text("| %s | %ld x %ld | %ld | %ld | %.0f | %.1f | %.1f |\n", row.variant.c_str(),
                row.shape.lower_height, row.shape.lower_width, row.fused.queries, row.fused.keys,
                static_cast<double>(row.fused.macs) * 1e-6,
                static_cast<double>(row.materialised.saved_bytes) / (1 << 20),
                static_cast<double>(row.fused.saved_bytes) / (1 << 20));
  }
  return out;
}

nlohmann::json growth_json(const std::vector<GrowthRow>& rows) {
  nlohmann::json root = nlohmann::json::array();
  for (const GrowthRow& row : rows) {
    root.push_back({{"attention", row.variant},
                    {"lower_height", row.shape.lower_height},
                    {"lower_width", row.shape.lower_width},
                    {"queries", row.fused.queries},
                    {"keys", row.fused.keys},
                    {"macs", row.fused.macs},
                    {"bytes_materialised", row.materialised.saved_bytes},
                    {"bytes_fused", row.fused.saved_bytes}});
  }
  return root;
}

}  // namespace catamaran
