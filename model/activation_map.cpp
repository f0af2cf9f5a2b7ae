#include "model/activation_map.h"

#include <algorithm>
#include <string>

#include "support/assert.h"

namespace catamaran {
namespace {

torch::Tensor resized_LHW(const torch::Tensor& map_LHW, int64_t height, int64_t width) {
  if (map_LHW.size(1) == height && map_LHW.size(2) == width) return map_LHW;
  return torch::upsample_bilinear2d(map_LHW.unsqueeze(0), {height, width},
                                    /*align_corners=*/false)[0];
}

}  // namespace

ActivationMaps activation_maps(CatImpl& cat, const CatOutput& output, int64_t image) {
  CATAMARAN_ASSERT(!output.class_maps_BLHW.empty(), "the caller asked forward for class maps");
  const torch::NoGradGuard no_grad;
  int64_t height = 0;
  int64_t width = 0;
  for (const torch::Tensor& map_BLHW : output.class_maps_BLHW) {
    height = std::max(height, map_BLHW.size(2));
    width = std::max(width, map_BLHW.size(3));
  }
  const std::array<double, 3> fusion = cat.fusion_weights();
  const auto parameters = cat.named_parameters();
  ActivationMaps fused{torch::zeros({cat.labels(), height, width}), torch::zeros({cat.labels()})};
  for (size_t h = 0; h < output.class_maps_BLHW.size(); ++h) {
    const torch::Tensor bias_L =
        parameters["head" + std::to_string(h + 1) + ".fc.bias"].to(torch::kCPU, torch::kFloat32);
    const torch::Tensor level_LHW =
        output.class_maps_BLHW[h][image].to(torch::kCPU, torch::kFloat32) - bias_L.view({-1, 1, 1});
    const torch::Tensor fine_LHW = resized_LHW(level_LHW, height, width);
    const torch::Tensor shift_L11 =
        level_LHW.mean({1, 2}, /*keepdim=*/true) - fine_LHW.mean({1, 2}, /*keepdim=*/true);
    fused.maps_LHW += fusion[h] * (fine_LHW + shift_L11);
    fused.bias_L += fusion[h] * bias_L;
  }
  return fused;
}

torch::Tensor upsampled(const torch::Tensor& map_HW, int64_t height, int64_t width) {
  return resized_LHW(map_HW.unsqueeze(0), height, width)[0].contiguous();
}

}  // namespace catamaran
