#include "model/resnet.h"

#include <string>

namespace catamaran {
namespace {

constexpr double kBatchNormEps = 1e-5;

torch::nn::Conv2dOptions resnet_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                     int64_t groups = 1) {
  return torch::nn::Conv2dOptions(in, out, kernel)
      .stride(stride)
      .padding(kernel / 2)
      .groups(groups);
}

// The 1x1 projection beside a block that changes width or resolution: downsample.0, downsample.1.
class ProjectionImpl : public ConvNormOwner {
 public:
  ProjectionImpl(int64_t in, int64_t out, int64_t stride)
      : conv_(add("0", "1", resnet_conv(in, out, 1, stride), kBatchNormEps, Activation::kNone)) {}
  torch::Tensor forward(const torch::Tensor& x) { return conv_->forward(x); }

 private:
  ConvNormPtr conv_;
};
TORCH_MODULE(Projection);

class BlockImpl : public ConvNormOwner {
 public:
  virtual torch::Tensor forward(const torch::Tensor& x) = 0;

 protected:
  void add_downsample(int64_t in, int64_t out, int64_t stride) {
    if (in != out || stride != 1)
      downsample_ = register_module("downsample", Projection(in, out, stride));
  }
  torch::Tensor shortcut(const torch::Tensor& x) {
    return downsample_ ? downsample_->forward(x) : x;
  }

 private:
  Projection downsample_{nullptr};
};

class BasicBlockImpl : public BlockImpl {
 public:
  BasicBlockImpl(int64_t in, int64_t width, int64_t stride)
      : conv1_(add("conv1", "bn1", resnet_conv(in, width, 3, stride), kBatchNormEps,
                   Activation::kRelu)),
        conv2_(add("conv2", "bn2", resnet_conv(width, width, 3, 1), kBatchNormEps,
                   Activation::kRelu)) {
    add_downsample(in, width, stride);
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    const torch::Tensor y = conv1_->forward(x);
    return conv2_->forward(y, shortcut(x));
  }

 private:
  ConvNormPtr conv1_, conv2_;
};

class BottleneckImpl : public BlockImpl {
 public:
  // stride sits in conv2 (3x3), as in timm and torchvision.
  BottleneckImpl(int64_t in, int64_t width, int64_t out, int64_t stride, int64_t groups)
      : conv1_(add("conv1", "bn1", resnet_conv(in, width, 1, 1), kBatchNormEps, Activation::kRelu)),
        conv2_(add("conv2", "bn2", resnet_conv(width, width, 3, stride, groups), kBatchNormEps,
                   Activation::kRelu)),
        conv3_(
            add("conv3", "bn3", resnet_conv(width, out, 1, 1), kBatchNormEps, Activation::kRelu)) {
    add_downsample(in, out, stride);
  }
  torch::Tensor forward(const torch::Tensor& x) override {
    const torch::Tensor y = conv2_->forward(conv1_->forward(x));
    return conv3_->forward(y, shortcut(x));
  }

 private:
  ConvNormPtr conv1_, conv2_, conv3_;
};

class ResNetImpl : public Backbone {
 public:
  explicit ResNetImpl(const ResNetShape& shape)
      : max_pool_(!shape.small_stem),
        conv1_(add("conv1", "bn1", resnet_conv(3, shape.width, shape.small_stem ? 3 : 7, 2),
                   kBatchNormEps, Activation::kRelu)) {
    int64_t in = shape.width;
    for (size_t l = 0; l < layers_.size(); ++l) {
      torch::nn::Sequential layer;
      const int64_t width = shape.width << l;
      const int64_t out = shape.bottleneck ? 4 * width : width;
      for (int64_t b = 0; b < shape.blocks[l]; ++b) {
        const int64_t stride = l > 0 && b == 0 ? 2 : 1;
        if (shape.bottleneck) {
          const int64_t inner = width * shape.base_width / 64 * shape.groups;
          layer->push_back(std::make_shared<BottleneckImpl>(in, inner, out, stride, shape.groups));
        } else {
          layer->push_back(std::make_shared<BasicBlockImpl>(in, width, stride));
        }
        in = out;
      }
      layers_[l] = register_module("layer" + std::to_string(l + 1), layer);
      if (l > 0) channels_[l - 1] = out;
    }
  }

  Features forward(const torch::Tensor& x_BCHW) override {
    torch::Tensor s2 = conv1_->forward(x_BCHW);
    if (max_pool_) s2 = torch::max_pool2d(s2, 3, 2, 1);
    s2 = layers_[0]->forward(s2);
    const torch::Tensor s3 = layers_[1]->forward(s2);
    const torch::Tensor s4 = layers_[2]->forward(s3);
    return {s3, s4, layers_[3]->forward(s4)};
  }

 private:
  bool max_pool_;
  ConvNormPtr conv1_;
  std::array<torch::nn::Sequential, 4> layers_{nullptr, nullptr, nullptr, nullptr};
};

}  // namespace

std::shared_ptr<Backbone> make_resnet(const ResNetShape& shape) {
  return std::make_shared<ResNetImpl>(shape);
}

}  // namespace catamaran
