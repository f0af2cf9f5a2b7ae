#include "model/activation_map.h"

#include "support/assert.h"

namespace catamaran {

torch::Tensor activation_maps(const CatOutput& output, const std::array<double, 3>& fusion,
                              int64_t image, int64_t height, int64_t width) {
  CATAMARAN_ASSERT(!output.class_maps_BLHW.empty(), "the caller asked forward for class maps");
  torch::Tensor sum_LHW;
  for (size_t h = 0; h < output.class_maps_BLHW.size(); ++h) {
    const torch::Tensor level_1LHW = output.class_maps_BLHW[h][image].unsqueeze(0) * fusion[h];
    const torch::Tensor scaled_LHW =
        torch::upsample_bilinear2d(level_1LHW, {height, width}, /*align_corners=*/false)[0];
    sum_LHW = h == 0 ? scaled_LHW : sum_LHW + scaled_LHW;
  }
  return sum_LHW;
}

}  // namespace catamaran
