// How far below the new layers a backbone's tensors are, by timm's names: what layer-wise decay of
// the learning rate counts.
//
//   const BackboneStages stages(names);         // of parameters, without "backbone."
//   stages.from_top("layer4.0.conv1.weight");   // 1: the last stage
//   stages.from_top("conv1.weight");            // 5: ResNet's stem
//
// Stages are layer1 to layer4 of ResNets, stages.0 to stages.3 of ConvNeXt, blocks.0 to blocks.6 of
// EfficientNet-lite; conv_head and bn2 behind the latter belong to the last. Whatever is in no
// stage is the stem, one below the first. As timm's group_matcher(coarse=True). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

class BackboneStages {
 public:
  explicit BackboneStages(const std::vector<std::string>& names);
  int64_t from_top(std::string_view name) const;

 private:
  int64_t last_ = 0;  // number of the last stage, from 1
};

}  // namespace catamaran
