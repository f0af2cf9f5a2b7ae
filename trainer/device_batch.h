// DeviceBatch: a batch as the network wants it, made from the host bytes of dataio::Batch.
//
//   const DeviceBatch in = to_device(host, options.model.input, device);
//
// x_BCHW: fp32, (pixel / 255 - mean) / std, channels-last in memory; y_BL: int8 in {1, 0, -1},
// after the difficult rule, or, where images of the batch are mixed, fp32 targets in [0, 1] and -1
// where a label of either image is ignored. The host's bytes may be reused as soon as it returns,
// although pinned pixels are copied asynchronously: the copy of the labels, queued on the same
// stream after them, blocks until both are done. One thread at a time of a stream.
#pragma once

#include <torch/torch.h>

#include "dataio/batch.h"
#include "model/options.h"

namespace catamaran {

struct DeviceBatch {
  torch::Tensor x_BCHW;
  torch::Tensor y_BL;
};

// What label 0 (difficult) means to the loss.
enum class DifficultRule { kIgnore, kPositive, kNegative };
DifficultRule difficult_rule(const std::string& name);

// What labels of two mixed images become: as much of each as of its image, or those of both.
enum class MixedLabels { kShare, kUnion };
MixedLabels mixed_labels(const std::string& name);

struct LabelRules {
  DifficultRule difficult = DifficultRule::kIgnore;
  MixedLabels mixed = MixedLabels::kShare;
};

DeviceBatch to_device(const Batch& host, const InputOptions& input, const LabelRules& rules,
                      const torch::Device& device);

}  // namespace catamaran
