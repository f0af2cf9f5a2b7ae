#include "model/efficientnet_lite.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

#include "model/weight_names.h"

namespace catamaran {
namespace {

constexpr double kTensorFlowEps = 1e-3;
constexpr int64_t kStemChannels = 32;
constexpr int64_t kHeadChannels = 1280;

struct MobileStage {
  int64_t repeats;
  int64_t kernel;
  int64_t stride;
  int64_t expansion;
  int64_t channels;
};

// EfficientNet-B0, table 1 of Tan and Le 2019.
constexpr std::array<MobileStage, 7> kMobileStages = {{{1, 3, 1, 1, 16},
                                                       {2, 3, 2, 6, 24},
                                                       {2, 5, 2, 6, 40},
                                                       {3, 3, 2, 6, 80},
                                                       {3, 5, 1, 6, 112},
                                                       {4, 5, 2, 6, 192},
                                                       {1, 3, 1, 6, 320}}};
constexpr size_t kLastOfReduction8 = 2;
constexpr size_t kLastOfReduction16 = 4;

// To the nearest multiple of 8 that is not more than a tenth below.
int64_t round_channels(double channels) {
  const int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(channels + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * channels ? rounded + 8 : rounded;
}

int64_t repeats_of(size_t stage, double depth) {
  const int64_t repeats = kMobileStages[stage].repeats;
  if (stage == 0 || stage + 1 == kMobileStages.size()) return repeats;
  return static_cast<int64_t>(std::ceil(depth * static_cast<double>(repeats)));
}

// TensorFlow's padding is LibTorch's where it is symmetric, which is at stride 1.
PaddingRule rule_of(int64_t stride) {
  return stride == 1 ? PaddingRule::kOfConvolution : PaddingRule::kTensorFlowSame;
}

torch::nn::Conv2dOptions same_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                   int64_t groups = 1) {
  return torch::nn::Conv2dOptions(in, out, kernel)
      .stride(stride)
      .padding(stride == 1 ? kernel / 2 : 0)
      .groups(groups);
}

// Expansion (absent at factor 1), depthwise convolution, linear projection.
class MobileBlockImpl : public ConvNormOwner {
 public:
  MobileBlockImpl(int64_t in, const MobileStage& stage, int64_t out, int64_t stride)
      : residual_(in == out && stride == 1) {
    const bool expands = stage.expansion > 1;
    const int64_t inner = in * stage.expansion;
    if (expands)
      expand_ =
          add("conv_pw", "bn1", same_conv(in, inner, 1, 1), kTensorFlowEps, Activation::kRelu6);
    depthwise_ = add("conv_dw", expands ? "bn2" : "bn1",
                     same_conv(inner, inner, stage.kernel, stride, inner), kTensorFlowEps,
                     Activation::kRelu6, rule_of(stride));
    project_ = add(expands ? "conv_pwl" : "conv_pw", expands ? "bn3" : "bn2",
                   same_conv(inner, out, 1, 1), kTensorFlowEps, Activation::kNone);
  }

  torch::Tensor forward(const torch::Tensor& x) {
    const torch::Tensor wide = expand_ ? expand_->forward(x) : x;
    const torch::Tensor mixed = depthwise_->forward(wide);
    return residual_ ? project_->forward(mixed, x) : project_->forward(mixed);
  }

 private:
  bool residual_;
  ConvNormPtr expand_, depthwise_, project_;
};

class EfficientNetLiteImpl : public Backbone {
 public:
  EfficientNetLiteImpl(const EfficientNetLiteShape& shape, BackboneEnd end) {
    stem_ = add("conv_stem", "bn1", same_conv(3, kStemChannels, 3, 2), kTensorFlowEps,
                Activation::kRelu6, rule_of(2));
    torch::nn::ModuleList blocks;
    int64_t in = kStemChannels;
    for (size_t s = 0; s < kMobileStages.size(); ++s) {
      const int64_t out =
          round_channels(shape.width * static_cast<double>(kMobileStages[s].channels));
      blocks_per_stage_.push_back(repeats_of(s, shape.depth));
      torch::nn::Sequential stage;
      for (int64_t b = 0; b < blocks_per_stage_.back(); ++b) {
        stage->push_back(std::make_shared<MobileBlockImpl>(in, kMobileStages[s], out,
                                                           b == 0 ? kMobileStages[s].stride : 1));
        in = out;
      }
      blocks->push_back(stage);
      stages_.push_back(stage);
      if (s == kLastOfReduction8) channels_[0] = out;
      if (s == kLastOfReduction16) channels_[1] = out;
    }
    register_module("blocks", blocks);
    channels_[2] = in;
    if (end == BackboneEnd::kLastStage) return;
    head_ = add("conv_head", "bn2", same_conv(in, kHeadChannels, 1, 1), kTensorFlowEps,
                Activation::kRelu6);
    channels_[2] = kHeadChannels;
  }

  Features forward(const torch::Tensor& x_BCHW) override {
    Features s;
    torch::Tensor x = stem_->forward(x_BCHW);
    for (size_t i = 0; i < stages_.size(); ++i) {
      x = stages_[i]->forward(x);
      if (i == kLastOfReduction8) s.s3_BCHW = x;
      if (i == kLastOfReduction16) s.s4_BCHW = x;
    }
    s.s5_BCHW = head_ ? head_->forward(x) : x;
    return s;
  }

  std::string timm_name(const std::string& file_name) const override {
    return timm_name_of_efficientnet(file_name, blocks_per_stage_);
  }
  bool is_past_end(std::string_view file_name) const override {
    const auto any = [&](std::initializer_list<std::string_view> prefixes) {
      return std::ranges::any_of(prefixes, [&](auto each) { return file_name.starts_with(each); });
    };
    return any({"classifier.", "_fc."}) ||
           (!head_ && any({"conv_head.", "bn2.", "_conv_head.", "_bn1."}));
  }

 private:
  std::vector<int64_t> blocks_per_stage_;
  ConvNormPtr stem_;
  std::vector<torch::nn::Sequential> stages_;
  ConvNormPtr head_;  // none where the stages are the end
};

}  // namespace

std::shared_ptr<Backbone> make_efficientnet_lite(const EfficientNetLiteShape& shape,
                                                 BackboneEnd end) {
  return std::make_shared<EfficientNetLiteImpl>(shape, end);
}

}  // namespace catamaran
