// BufferSnapshot: the values that a model's buffers had before a step. A forward pass in training
// mode moves the running statistics of batch norm before anyone knows whether the step is finite; a
// step that is skipped must leave them as they were, or one bad batch stays in them for ever.
//
//   BufferSnapshot before(tensors_of(buffers));     // once; keeps references and room for copies
//   before.take();  ... forward, backward ...  if (!applied) before.restore();
//
// Copies stay on the buffers' device. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <vector>

namespace catamaran {

class BufferSnapshot {
 public:
  explicit BufferSnapshot(std::vector<torch::Tensor> buffers);
  void take();
  void restore();

 private:
  std::vector<torch::Tensor> live_;
  std::vector<torch::Tensor> saved_;
};

}  // namespace catamaran
