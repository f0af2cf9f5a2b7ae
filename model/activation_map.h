// Class activation map of an image: the fused class map alpha M1 + beta M2 + gamma M3, each level
// brought to the input's size (bilinear), for one label. With mean pooling the map's mean is that
// label's logit (biases included). Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <array>

#include "model/cat.h"

namespace catamaran {

// maps_LHW for one image (output made with class maps), at height x width.
torch::Tensor activation_maps(const CatOutput& output, const std::array<double, 3>& fusion,
                              int64_t image, int64_t height, int64_t width);

}  // namespace catamaran
