// ResNet and ResNeXt backbones with timm's parameter names, as feature pyramids: S3, S4, S5 are the
// outputs of layer2, layer3, layer4 (strides 8, 16, 32).
//
//   ResNet backbone("resnext50_32x4d");
//   ResNetFeatures s = backbone->forward(x_BCHW);
//
// resnet10_narrow (widths 16/32/64/128) is for pictures of about 64 px: a 3x3 stride-2 stem
// without max-pool, so that S3, S4, S5 have strides 4, 8, 16. Weights are kept channels-last, the
// fastest layout on CPUs and tensor cores. Sources: He et al. 2015, Xie et al. 2017 (ResNeXt),
// names of timm/models/resnet.py. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <array>
#include <string>
#include <vector>

namespace catamaran {

struct ResNetFeatures {
  torch::Tensor s3_BCHW;
  torch::Tensor s4_BCHW;
  torch::Tensor s5_BCHW;
};

std::vector<std::string> backbone_names();

class ResNetImpl : public torch::nn::Module {
 public:
  explicit ResNetImpl(const std::string& name);
  ResNetFeatures forward(torch::Tensor x_BCHW);
  // Channels of S3, S4, S5.
  const std::array<int64_t, 3>& channels() const { return channels_; }

 private:
  torch::nn::Sequential make_layer(int64_t width, int64_t blocks, int64_t stride);

  bool bottleneck_;
  bool max_pool_;
  int64_t groups_;
  int64_t base_width_;
  int64_t in_channels_;
  std::array<int64_t, 3> channels_{};
  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  std::array<torch::nn::Sequential, 4> layers_{nullptr, nullptr, nullptr, nullptr};
};
TORCH_MODULE(ResNet);

}  // namespace catamaran
