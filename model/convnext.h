// ConvNeXt: S3, S4, S5 are the outputs of stages 1, 2, 3 (strides 8, 16, 32), without the norm of
// timm's classifier head (head.norm), which stands behind the pooling.
//
//   make_convnext({.blocks = {3, 3, 9, 3}, .width = 96});                                 // tiny
//
// Has no batch norm: model.backbone.bn and folding change nothing. Layer norms and the MLP
// work on B x H x W x C views of channels-last maps, so nothing is copied to another layout.
// Reads timm's names and torchvision's (features.*). Source: Liu et al. 2022; stochastic depth is
// left out. Only the thread that runs the step loop.
#pragma once

#include <array>
#include <memory>

#include "model/backbone.h"

namespace catamaran {

struct ConvNextShape {
  std::array<int64_t, 4> blocks;  // of the stages
  int64_t width;                  // of stage 0; doubles with each stage
};

std::shared_ptr<Backbone> make_convnext(const ConvNextShape& shape);

}  // namespace catamaran
