// The picture of launch/plan_scaling.h: efficiency over devices, on a logarithmic axis.
#include <algorithm>

#include "drawing/line_plot.h"
#include "drawing/png_file.h"
#include "launch/plan_scaling.h"

namespace catamaran {

void plot_scaling(const std::filesystem::path& file, const ScalingPlan& plan) {
  constexpr double kPercent = 100;
  PlotLine predicted{.name = "predicted", .colour = plot_colour(0), .style = PlotStyle::kMarked};
  for (const StepPrediction& row : plan.rows)
    predicted.points.push_back({static_cast<double>(row.ranks), kPercent * row.efficiency});
  const LinePlot plot{
      .title = "Scaling efficiency",
      .x = {.label = "devices", .scale = AxisScale::kLog},
      .y = {.label = "images/s per device, % of one device's", .low = 0, .high = 105},
      .lines = {predicted},
      .notes = {"step: " + plan.source}};
  write_png(file, line_plot(plot));
}

}  // namespace catamaran
