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

// Targets of images of which image i is own_share[i] itself and the rest image i ^ 1.
torch::Tensor mix_labels(const torch::Tensor& y_BL, const std::vector<float>& own_share,
                         MixedLabels rule) {
  const int64_t images = y_BL.size(0);
  const torch::Tensor image_B = torch::arange(images);
  const torch::Tensor neighbour_B = image_B.bitwise_xor(1);
  const torch::Tensor partner_B = torch::where(neighbour_B.lt(images), neighbour_B, image_B);
  const torch::Tensor share_B1 = torch::tensor(own_share).unsqueeze(1);
  const torch::Tensor is_mixed_B1 = share_B1.lt(1);
  const torch::Tensor other_BL = y_BL.index_select(0, partner_B);
  const torch::Tensor own_BL = y_BL.gt(0).to(torch::kFloat32);
  const torch::Tensor from_other_BL = other_BL.gt(0).to(torch::kFloat32);
  const torch::Tensor mixed_BL = rule == MixedLabels::kUnion
                                     ? torch::maximum(own_BL, from_other_BL)
                                     : share_B1 * own_BL + (1 - share_B1) * from_other_BL;
  const torch::Tensor ignored_BL = y_BL.eq(0).logical_or(is_mixed_B1.logical_and(other_BL.eq(0)));
  return torch::where(is_mixed_B1, mixed_BL, own_BL).masked_fill(ignored_BL, -1);
}

}  // namespace

DifficultRule difficult_rule(const std::string& name) {
  if (name == "ignore") return DifficultRule::kIgnore;
  if (name == "positive") return DifficultRule::kPositive;
  if (name == "negative") return DifficultRule::kNegative;
  throw UsageError("'" + name + "' is no rule for difficult labels", "data.difficult_train",
                   "use ignore, positive or negative");
}

MixedLabels mixed_labels(const std::string& name) {
  if (name == "share") return MixedLabels::kShare;
  if (name == "union") return MixedLabels::kUnion;
  throw UsageError("'" + name + "' is no rule for mixed labels", "data.augment.mix_labels",
                   "use share or union");
}

DeviceBatch to_device(const Batch& host, const InputOptions& input, const LabelRules& rules,
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
  if (rules.difficult != DifficultRule::kIgnore)
    y_BL.masked_fill_(y_BL.eq(0), rules.difficult == DifficultRule::kPositive ? 1 : -1);
  if (!host.own_share.empty()) y_BL = mix_labels(y_BL, host.own_share, rules.mixed);
  // From pageable memory and not non_blocking: waits for the stream, and so for the pixels' copy
  // out of the buffer that the loader will fill again.
  return {x_BCHW, y_BL.to(device)};
}

}  // namespace catamaran
