#include "trainer/buffer_snapshot.h"

#include <utility>

namespace catamaran {

BufferSnapshot::BufferSnapshot(std::vector<torch::Tensor> buffers) : live_(std::move(buffers)) {
  for (const torch::Tensor& buffer : live_) saved_.push_back(buffer.detach().clone());
}

void BufferSnapshot::take() {
  const torch::NoGradGuard no_grad;
  if (!live_.empty()) at::_foreach_copy_(saved_, live_);
}

void BufferSnapshot::restore() {
  const torch::NoGradGuard no_grad;
  if (!live_.empty()) at::_foreach_copy_(live_, saved_);
}

}  // namespace catamaran
