// Consistency: proof that every rank holds the same bits, and the means to get there.
//
//   broadcast_state(state_dict(*cat), group, device);    // at the start: rank 0's values
//   require_same_parameters(tensors, group, step);       // NumericsError: tensor and ranks
//   average_buffers(state_dict(*cat), group, device);    // batch norm's: the mean over ranks
//
// The hash is XXH3 of each tensor's bytes. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include "comm/process_group.h"
#include "model/safetensors.h"

namespace catamaran {

void broadcast_state(const NamedTensors& tensors, ProcessGroup& group, const torch::Device& device);
void require_same_parameters(const NamedTensors& tensors, ProcessGroup& group, int64_t step);
// Floating-point tensors become the mean over ranks, integer ones rank 0's.
void average_buffers(const NamedTensors& buffers, ProcessGroup& group, const torch::Device& device);

}  // namespace catamaran
