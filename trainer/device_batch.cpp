#include "trainer/device_batch.h"

#include "support/error.h"

namespace catamaran {
namespace {

torch::Tensor channel_values(const std::array<double, 3>& values, double scale,
                             const torch::Device& device) {
  torch::Tensor tensor = torch::empty({1, 3, 1, 1}, torch::kFloat32);
  for (int c = 0; c < 3; ++c)
    tensor[0][c][0][0] = static_cast<float>(values[static_cast<size_t>(c)] * scale);
  return tensor.to(device);
}

}  // namespace

DifficultRule difficult_rule(const std::string& name) {
  if (name == "ignore") return DifficultRule::kIgnore;
  if (name == "positive") return DifficultRule::kPositive;
  if (name == "negative") return DifficultRule::kNegative;
  throw UsageError("'" + name + "' is no rule for difficult labels", "data.difficult_train",
                   "use ignore, positive or negative");
}

DeviceBatch to_device(const Batch& host, const InputOptions& input, DifficultRule difficult,
                      const torch::Device& device) {
  const torch::NoGradGuard no_grad;
  const bool on_gpu = device.is_cuda();
  const torch::Tensor bytes_BHWC =
      torch::from_blob(host.pixels.get(), {host.images, host.height, host.width, 3}, torch::kUInt8)
          .to(device, on_gpu);
  torch::Tensor x_BCHW =
      bytes_BHWC.permute({0, 3, 1, 2}).to(torch::kFloat32);  // keeps NHWC in memory: channels-last
  x_BCHW.sub_(channel_values(input.mean, 255, device)).div_(channel_values(input.std, 255, device));

  torch::Tensor y_BL = torch::empty({host.images, host.classes}, torch::kInt8);
  std::copy(host.labels.begin(), host.labels.end(), y_BL.data_ptr<int8_t>());
  if (difficult != DifficultRule::kIgnore)
    y_BL.masked_fill_(y_BL.eq(0), difficult == DifficultRule::kPositive ? 1 : -1);
  // From pageable memory and not non_blocking: waits for the stream, and so for the pixels' copy
  // out of the buffer that the loader will fill again.
  return {x_BCHW, y_BL.to(device)};
}

}  // namespace catamaran
