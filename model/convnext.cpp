#include "model/convnext.h"

#include <string>
#include <vector>

#include "model/autocast.h"
#include "model/fused_linear.h"
#include "model/random_init.h"
#include "model/weight_names.h"

namespace catamaran {
namespace {

constexpr double kLayerScale = 1e-6;
constexpr double kInitialStd = 0.02;

torch::Tensor channels_to_end(const torch::Tensor& x_BCHW) { return x_BCHW.permute({0, 2, 3, 1}); }
torch::Tensor channels_to_front(const torch::Tensor& x_BHWC) {
  return x_BHWC.permute({0, 3, 1, 2});
}

torch::nn::LayerNorm channel_norm(int64_t channels) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({channels}).eps(1e-6));
}

torch::nn::Conv2d patches(int64_t in, int64_t out, int64_t side) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, side).stride(side));
}

torch::Tensor normed(torch::nn::LayerNorm& norm, const torch::Tensor& x_BCHW) {
  return channels_to_front(norm->forward(widened(channels_to_end(x_BCHW))));
}

class ConvNextStemImpl : public torch::nn::Module {
 public:
  explicit ConvNextStemImpl(int64_t width)
      : conv_(register_module("0", patches(3, width, 4))),
        norm_(register_module("1", channel_norm(width))) {}
  torch::Tensor forward(const torch::Tensor& x_BCHW) { return normed(norm_, conv_(x_BCHW)); }

 private:
  torch::nn::Conv2d conv_;
  torch::nn::LayerNorm norm_;
};
TORCH_MODULE(ConvNextStem);

class ConvNextDownsampleImpl : public torch::nn::Module {
 public:
  ConvNextDownsampleImpl(int64_t in, int64_t out)
      : norm_(register_module("0", channel_norm(in))),
        conv_(register_module("1", patches(in, out, 2))) {}
  torch::Tensor forward(const torch::Tensor& x_BCHW) { return conv_(normed(norm_, x_BCHW)); }

 private:
  torch::nn::LayerNorm norm_;
  torch::nn::Conv2d conv_;
};
TORCH_MODULE(ConvNextDownsample);

class ConvNextMlpImpl : public torch::nn::Module {
 public:
  explicit ConvNextMlpImpl(int64_t width)
      : fc1_(register_module("fc1", FusedLinear(width, 4 * width))),
        fc2_(register_module("fc2", FusedLinear(4 * width, width))) {}
  torch::Tensor forward(const torch::Tensor& x_BHWC) { return fc2_(fc1_->forward_gelu(x_BHWC)); }

 private:
  FusedLinear fc1_, fc2_;
};
TORCH_MODULE(ConvNextMlp);

// x + gamma * MLP(LayerNorm(depthwise 7x7 (x)))
class ConvNextBlockImpl : public torch::nn::Module {
 public:
  explicit ConvNextBlockImpl(int64_t width)
      : gamma_C(register_parameter("gamma", torch::full({width}, kLayerScale))),
        conv_dw_(register_module(
            "conv_dw",
            torch::nn::Conv2d(torch::nn::Conv2dOptions(width, width, 7).padding(3).groups(width)))),
        norm_(register_module("norm", channel_norm(width))),
        mlp_(register_module("mlp", ConvNextMlp(width))) {}

  torch::Tensor forward(const torch::Tensor& x_BCHW) {
    const torch::Tensor y_BHWC = mlp_(norm_(widened(channels_to_end(conv_dw_(x_BCHW)))));
    return channels_to_front(torch::addcmul(channels_to_end(x_BCHW), y_BHWC, gamma_C));
  }

  torch::Tensor gamma_C;  // layer scale

 private:
  torch::nn::Conv2d conv_dw_;
  torch::nn::LayerNorm norm_;
  ConvNextMlp mlp_;
};

class ConvNextStageImpl : public torch::nn::Module {
 public:
  ConvNextStageImpl(int64_t in, int64_t width, int64_t blocks) {
    if (in != width) downsample_ = register_module("downsample", ConvNextDownsample(in, width));
    for (int64_t b = 0; b < blocks; ++b)
      blocks_->push_back(std::make_shared<ConvNextBlockImpl>(width));
    register_module("blocks", blocks_);
  }
  torch::Tensor forward(const torch::Tensor& x_BCHW) {
    return blocks_->forward(downsample_ ? downsample_(x_BCHW) : x_BCHW);
  }

 private:
  ConvNextDownsample downsample_{nullptr};
  torch::nn::Sequential blocks_;
};
TORCH_MODULE(ConvNextStage);

class ConvNextImpl : public Backbone {
 public:
  explicit ConvNextImpl(const ConvNextShape& shape)
      : stem_(register_module("stem", ConvNextStem(shape.width))) {
    torch::nn::ModuleList list;
    int64_t in = shape.width;
    for (size_t s = 0; s < shape.blocks.size(); ++s) {
      const int64_t width = shape.width << s;
      stages_.emplace_back(in, width, shape.blocks[s]);
      list->push_back(stages_.back());
      if (s > 0) channels_[s - 1] = width;
      in = width;
    }
    register_module("stages", list);
  }

  Features forward(const torch::Tensor& x_BCHW) override {
    const torch::Tensor s2 = stages_[0](stem_(x_BCHW));
    const torch::Tensor s3 = stages_[1](s2);
    const torch::Tensor s4 = stages_[2](s3);
    return {s3, s4, stages_[3](s4)};
  }

  // The paper's: normal of 0.02 (its truncation at 2 is 100 standard deviations away), biases 0,
  // layer scale 1e-6.
  void initialise(at::Generator generator) override {
    const torch::NoGradGuard no_grad;
    for (const auto& module : modules()) {
      if (auto* conv = module->as<torch::nn::Conv2dImpl>()) {
        fill_normal(conv->weight, kInitialStd, generator);
        conv->bias.zero_();
      } else if (auto* linear = module->as<torch::nn::LinearImpl>()) {
        fill_normal(linear->weight, kInitialStd, generator);
        linear->bias.zero_();
      } else if (auto* norm = module->as<torch::nn::LayerNormImpl>()) {
        norm->reset_parameters();
      } else if (auto* block = dynamic_cast<ConvNextBlockImpl*>(module.get())) {
        block->gamma_C.fill_(kLayerScale);
      }
    }
  }

  std::string timm_name(const std::string& file_name) const override {
    return timm_name_of_convnext(file_name);
  }
  bool is_past_end(std::string_view file_name) const override {
    return file_name.starts_with("head.") || file_name.starts_with("classifier.");
  }

 private:
  ConvNextStem stem_;
  std::vector<ConvNextStage> stages_;
};

}  // namespace

std::shared_ptr<Backbone> make_convnext(const ConvNextShape& shape) {
  return std::make_shared<ConvNextImpl>(shape);
}

}  // namespace catamaran
