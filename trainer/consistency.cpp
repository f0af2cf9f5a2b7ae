#include "trainer/consistency.h"

#include <cstring>
#include <string>
#include <vector>

#include "support/error.h"
#include "support/hash.h"
#include "trainer/device.h"

namespace catamaran {
namespace {

uint64_t hash_of(const torch::Tensor& tensor) {
  // Memory order is the same on all ranks, so channels-last weights need no copy.
  const torch::Tensor host = tensor.detach().to(torch::kCPU);
  return xxh3(host.data_ptr(), host.nbytes());
}

}  // namespace

void broadcast_state(const NamedTensors& tensors, ProcessGroup& group,
                     const torch::Device& device) {
  for (const auto& [name, tensor] : tensors) {
    group.gradients().broadcast(tensor.data_ptr(), static_cast<int64_t>(tensor.nbytes()), 0,
                                current_stream(device));
  }
  synchronize(device);
}

void require_same_parameters(const NamedTensors& tensors, ProcessGroup& group, int64_t step) {
  if (group.world() == 1) return;
  std::vector<uint64_t> mine;
  for (const auto& [name, tensor] : tensors) mine.push_back(hash_of(tensor));
  const uint64_t digest = xxh3(mine.data(), mine.size() * sizeof(uint64_t));
  uint64_t lowest = digest;
  uint64_t highest = digest;
  group.host().all_reduce(&lowest, 1, DataType::kUint64, ReduceOp::kMin);
  group.host().all_reduce(&highest, 1, DataType::kUint64, ReduceOp::kMax);
  if (lowest == highest) return;

  const std::vector<std::string> all = group.all_gather(
      std::string(reinterpret_cast<const char*>(mine.data()), mine.size() * sizeof(uint64_t)));
  for (size_t t = 0; t < mine.size(); ++t) {
    std::string ranks;
    uint64_t first = 0;
    std::memcpy(&first, all[0].data() + t * sizeof first, sizeof first);
    for (size_t r = 1; r < all.size(); ++r) {
      uint64_t other = 0;
      std::memcpy(&other, all[r].data() + t * sizeof other, sizeof other);
      if (other != first) ranks += (ranks.empty() ? "" : ", ") + std::to_string(r);
    }
    if (!ranks.empty()) {
      throw NumericsError("tensor '" + tensors[t].first + "' differs from rank 0 on rank " + ranks,
                          "consistency check at step " + std::to_string(step),
                          "the newest checkpoint before this step is good: resume from it, on "
                          "other nodes if it recurs");
    }
  }
}

void average_buffers(const NamedTensors& buffers, ProcessGroup& group,
                     const torch::Device& device) {
  if (group.world() == 1) return;
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> parts;
  for (const auto& [name, tensor] : buffers) {
    if (tensor.scalar_type() == torch::kFloat32) parts.push_back(tensor.reshape({-1}));
  }
  if (!parts.empty()) {
    torch::Tensor flat = torch::cat(parts);
    group.gradients().all_reduce(flat.data_ptr<float>(), flat.numel(), DataType::kFloat32,
                                 ReduceOp::kSum, current_stream(device));
    flat.div_(group.world());
    int64_t at = 0;
    for (const auto& [name, tensor] : buffers) {
      if (tensor.scalar_type() != torch::kFloat32) continue;
      tensor.copy_(flat.narrow(0, at, tensor.numel()).reshape(tensor.sizes()));
      at += tensor.numel();
    }
  }
  NamedTensors counters;
  for (const auto& [name, tensor] : buffers) {
    if (tensor.scalar_type() != torch::kFloat32) counters.emplace_back(name, tensor);
  }
  broadcast_state(counters, group, device);
}

}  // namespace catamaran
