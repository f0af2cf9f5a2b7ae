// Names of tensors in weight files of other sources, as timm calls them. Plain text, no torch.
// Thread-safe.
//
//   timm_name_of_efficientnet("_blocks.1._bn0.weight", {1, 2, 2, 3, 3, 4, 1});
//       // "blocks.1.0.bn1.weight"
//   timm_name_of_convnext("features.3.0.layer_scale");            // "stages.1.blocks.0.gamma"
//
// A name that is not of that source comes back as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

// From lukemelas' EfficientNet-PyTorch and packages made from it: blocks numbered through, their
// parts _expand_conv, _depthwise_conv, _project_conv. blocks_per_stage tells timm's numbering.
std::string timm_name_of_efficientnet(const std::string& name,
                                      const std::vector<int64_t>& blocks_per_stage);

// From torchvision's ConvNeXt: features.0 the stem, 1, 3, 5, 7 the stages, 2, 4, 6 between them.
std::string timm_name_of_convnext(const std::string& name);

}  // namespace catamaran
