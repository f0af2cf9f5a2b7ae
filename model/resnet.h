// ResNet and ResNeXt: S3, S4, S5 are the outputs of layer2, layer3, layer4 (strides 8, 16, 32).
//
//   make_resnet({.blocks = {3, 4, 6, 3}, .bottleneck = true});                            // 50
//   make_resnet({.blocks = {3, 4, 6, 3}, .bottleneck = true, .groups = 32, .base_width = 4});
//
// small_stem is for pictures of about 64 px: a 3x3 stride-2 stem without max-pool, so that S3, S4,
// S5 have strides 4, 8, 16. Sources: He et al. 2015, Xie et al. 2017 (ResNeXt); names of timm and
// torchvision, which agree. Only the thread that runs the step loop.
#pragma once

#include <array>
#include <memory>

#include "model/backbone.h"

namespace catamaran {

struct ResNetShape {
  std::array<int64_t, 4> blocks;  // of layer1..4
  bool bottleneck = false;        // 1x1, 3x3, 1x1 with 4 times the width out
  int64_t groups = 1;             // of the 3x3 convolution
  int64_t base_width = 64;        // channels of a group in layer1, for 64 of width
  int64_t width = 64;             // of layer1
  bool small_stem = false;
};

std::shared_ptr<Backbone> make_resnet(const ResNetShape& shape);

}  // namespace catamaran
