#include "model/pyramid_scale.h"

#include <ATen/CPUGeneratorImpl.h>

#include <vector>

namespace catamaran {
namespace {

constexpr int64_t kImages = 4;
constexpr int64_t kSide = 128;  // pixels; enough cells on the highest level for its statistics

// Maps of noise, in training mode, with the buffers as they were before.
Features features_of_noise(Backbone& backbone, uint64_t seed) {
  const std::vector<torch::Tensor> buffers = backbone.buffers();
  std::vector<torch::Tensor> before;
  for (const torch::Tensor& buffer : buffers) before.push_back(buffer.clone());
  at::Generator generator = at::detail::createCPUGenerator(seed);
  const torch::Tensor noise_BCHW = torch::empty({kImages, 3, kSide, kSide})
                                       .normal_(0, 1, generator)
                                       .contiguous(at::MemoryFormat::ChannelsLast);
  backbone.train();
  const Features features = backbone.forward(noise_BCHW);
  for (size_t i = 0; i < before.size(); ++i) buffers[i].copy_(before[i]);
  return features;
}

}  // namespace

void calibrate_pyramid(CatImpl& cat, uint64_t seed) {
  const torch::NoGradGuard no_grad;
  for (const auto& part : cat.children()) {
    auto* fpn = part->as<FpnImpl>();
    if (fpn == nullptr) continue;
    const bool training = cat.is_training();
    fpn->calibrate(features_of_noise(cat.backbone(), seed));
    cat.train(training);  // frozen batch norm too
  }
}

}  // namespace catamaran
