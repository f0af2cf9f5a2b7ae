// Class activation map of an image: where in the picture the logit of a label comes from.
//
//   const CatOutput out = cat->forward(x_BCHW, /*with_class_maps=*/true);
//   const ActivationMaps cam = activation_maps(*cat, out, 0);
//   const torch::Tensor seen_HW = upsampled(cam.maps_LHW[17], height, width);
//
// The map of label l is alpha M1 + beta M2 + gamma M3 without the heads' biases, at the resolution
// of the finest level; coarser levels are brought to it bilinearly and shifted by what that changed
// their mean (nothing where the sizes are the same). So, with mean pooling,
//     mean of maps_LHW[l] + bias_L[l] = logit of l,
// where bias_L = alpha b1 + beta b2 + gamma b3. Max, top-k and CSRA read the same maps in another
// way, and no such sum holds. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include "model/cat.h"

namespace catamaran {

struct ActivationMaps {
  torch::Tensor maps_LHW;  // fp32, CPU
  torch::Tensor bias_L;
};

// output: made with class maps.
ActivationMaps activation_maps(CatImpl& cat, const CatOutput& output, int64_t image);

// One map at height x width, bilinear.
torch::Tensor upsampled(const torch::Tensor& map_HW, int64_t height, int64_t width);

}  // namespace catamaran
