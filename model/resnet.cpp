#include "model/resnet.h"

#include <map>

#include "support/error.h"

namespace catamaran {
namespace {

struct Shape {
  bool bottleneck;
  std::array<int64_t, 4> blocks;
  int64_t groups = 1;
  int64_t base_width = 64;
  int64_t width = 64;  // of layer1
  bool small_stem = false;
};

const std::map<std::string, Shape>& shapes() {
  static const std::map<std::string, Shape> all = {
      {"resnet18", {.bottleneck = false, .blocks = {2, 2, 2, 2}}},
      {"resnet10_narrow",
       {.bottleneck = false, .blocks = {1, 1, 1, 1}, .width = 16, .small_stem = true}},
      {"resnet50", {.bottleneck = true, .blocks = {3, 4, 6, 3}}},
      {"resnet101", {.bottleneck = true, .blocks = {3, 4, 23, 3}}},
      {"resnext50_32x4d",
       {.bottleneck = true, .blocks = {3, 4, 6, 3}, .groups = 32, .base_width = 4}},
  };
  return all;
}

const Shape& shape_of(const std::string& name) {
  const auto found = shapes().find(name);
  if (found != shapes().end()) return found->second;
  std::string known;
  for (const std::string& each : backbone_names()) known += (known.empty() ? "" : ", ") + each;
  throw UsageError("there is no backbone '" + name + "'", "model.backbone.name",
                   "use one of " + known);
}

torch::nn::Conv2d conv(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                       int64_t groups = 1) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel)
                               .stride(stride)
                               .padding(kernel / 2)
                               .groups(groups)
                               .bias(false));
}

torch::nn::Sequential shortcut(int64_t in, int64_t out, int64_t stride) {
  if (in == out && stride == 1) return nullptr;
  return torch::nn::Sequential(conv(in, out, 1, stride), torch::nn::BatchNorm2d(out));
}

class BasicBlockImpl : public torch::nn::Module {
 public:
  BasicBlockImpl(int64_t in, int64_t width, int64_t stride)
      : conv1_(register_module("conv1", conv(in, width, 3, stride))),
        bn1_(register_module("bn1", torch::nn::BatchNorm2d(width))),
        conv2_(register_module("conv2", conv(width, width, 3, 1))),
        bn2_(register_module("bn2", torch::nn::BatchNorm2d(width))),
        downsample_(shortcut(in, width, stride)) {
    if (downsample_) register_module("downsample", downsample_);
  }
  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor y = bn1_(conv1_(x)).relu_();
    y = bn2_(conv2_(y));
    return y.add_(downsample_ ? downsample_->forward(x) : x).relu_();
  }

 private:
  torch::nn::Conv2d conv1_;
  torch::nn::BatchNorm2d bn1_;
  torch::nn::Conv2d conv2_;
  torch::nn::BatchNorm2d bn2_;
  torch::nn::Sequential downsample_;
};
TORCH_MODULE(BasicBlock);

class BottleneckImpl : public torch::nn::Module {
 public:
  // stride sits in conv2 (3x3), as in timm and torchvision.
  BottleneckImpl(int64_t in, int64_t width, int64_t out, int64_t stride, int64_t groups)
      : conv1_(register_module("conv1", conv(in, width, 1, 1))),
        bn1_(register_module("bn1", torch::nn::BatchNorm2d(width))),
        conv2_(register_module("conv2", conv(width, width, 3, stride, groups))),
        bn2_(register_module("bn2", torch::nn::BatchNorm2d(width))),
        conv3_(register_module("conv3", conv(width, out, 1, 1))),
        bn3_(register_module("bn3", torch::nn::BatchNorm2d(out))),
        downsample_(shortcut(in, out, stride)) {
    if (downsample_) register_module("downsample", downsample_);
  }
  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor y = bn1_(conv1_(x)).relu_();
    y = bn2_(conv2_(y)).relu_();
    y = bn3_(conv3_(y));
    return y.add_(downsample_ ? downsample_->forward(x) : x).relu_();
  }

 private:
  torch::nn::Conv2d conv1_;
  torch::nn::BatchNorm2d bn1_;
  torch::nn::Conv2d conv2_;
  torch::nn::BatchNorm2d bn2_;
  torch::nn::Conv2d conv3_;
  torch::nn::BatchNorm2d bn3_;
  torch::nn::Sequential downsample_;
};
TORCH_MODULE(Bottleneck);

}  // namespace

std::vector<std::string> backbone_names() {
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes()) names.push_back(name);
  return names;
}

ResNetImpl::ResNetImpl(const std::string& name)
    : bottleneck_(shape_of(name).bottleneck),
      max_pool_(!shape_of(name).small_stem),
      groups_(shape_of(name).groups),
      base_width_(shape_of(name).base_width),
      in_channels_(shape_of(name).width) {
  const Shape& shape = shape_of(name);
  conv1_ = register_module("conv1", conv(3, in_channels_, shape.small_stem ? 3 : 7, 2));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(in_channels_));
  int64_t width = shape.width;
  for (size_t l = 0; l < layers_.size(); ++l, width *= 2) {
    layers_[l] = register_module("layer" + std::to_string(l + 1),
                                 make_layer(width, shape.blocks[l], l == 0 ? 1 : 2));
    if (l > 0) channels_[l - 1] = in_channels_;
  }
}

torch::nn::Sequential ResNetImpl::make_layer(int64_t width, int64_t blocks, int64_t stride) {
  torch::nn::Sequential layer;
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t block_stride = b == 0 ? stride : 1;
    if (bottleneck_) {
      const int64_t inner = width * base_width_ / 64 * groups_;
      layer->push_back(Bottleneck(in_channels_, inner, 4 * width, block_stride, groups_));
      in_channels_ = 4 * width;
    } else {
      layer->push_back(BasicBlock(in_channels_, width, block_stride));
      in_channels_ = width;
    }
  }
  return layer;
}

ResNetFeatures ResNetImpl::forward(torch::Tensor x_BCHW) {
  x_BCHW = bn1_(conv1_(x_BCHW)).relu_();
  if (max_pool_) x_BCHW = torch::max_pool2d(x_BCHW, 3, 2, 1);
  const torch::Tensor s2 = layers_[0]->forward(x_BCHW);
  const torch::Tensor s3 = layers_[1]->forward(s2);
  const torch::Tensor s4 = layers_[2]->forward(s3);
  return {s3, s4, layers_[3]->forward(s4)};
}

}  // namespace catamaran
