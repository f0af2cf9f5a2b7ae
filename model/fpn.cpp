#include "model/fpn.h"

#include "model/random_init.h"

namespace catamaran {
namespace {

FusedConv2d lateral(int64_t in, int64_t dim) {
  return FusedConv2d(torch::nn::Conv2dOptions(in, dim, 1));
}

std::shared_ptr<torch::nn::Module> top_down_conv(const FpnOptions& options, int64_t dim) {
  if (options.topdown == "deconv") {
    return torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(dim, dim, 2).stride(2))
        .ptr();
  }
  return FusedConv2d(torch::nn::Conv2dOptions(dim, dim, 3).padding(1)).ptr();
}

// Nearest neighbours: deterministic, and exact copies where the levels divide evenly.
torch::Tensor upsample_to(const torch::Tensor& x_BDHW, const torch::Tensor& like_BCHW) {
  return torch::upsample_nearest2d(x_BDHW, {like_BCHW.size(2), like_BCHW.size(3)});
}

}  // namespace

FpnImpl::FpnImpl(const FpnOptions& options, const std::array<int64_t, 3>& channels, int64_t dim)
    : options_(options) {
  lateral3_ = register_module("lateral3", lateral(channels[0], dim));
  lateral4_ = register_module("lateral4", lateral(channels[1], dim));
  lateral5_ = register_module("lateral5", lateral(channels[2], dim));
  conv5_ = register_module("topdown5", top_down_conv(options, dim));
  conv4_ =
      options.share_td_conv ? conv5_ : register_module("topdown4", top_down_conv(options, dim));
}

void FpnImpl::initialise(const at::Generator& generator) {
  for (const auto& module : modules()) {
    if (auto* conv = module->as<torch::nn::Conv2dImpl>()) lecun_normal(*conv, generator);
    if (auto* conv = module->as<torch::nn::ConvTranspose2dImpl>()) lecun_normal(*conv, generator);
  }
}

void FpnImpl::calibrate(const Features& s) {
  const torch::NoGradGuard no_grad;
  const auto divide = [](FusedConv2d& lateral, const torch::Tensor& map_BCHW) {
    const torch::Tensor rms = map_BCHW.to(torch::kFloat32).square().mean().sqrt();
    if (rms.item<double>() > 0) lateral->weight.div_(rms);
  };
  divide(lateral3_, s.s3_BCHW);
  divide(lateral4_, s.s4_BCHW);
  divide(lateral5_, s.s5_BCHW);
}

torch::Tensor FpnImpl::top_down(torch::nn::Module& conv, const torch::Tensor& upper,
                                const torch::Tensor& lower) const {
  if (options_.topdown == "deconv") {
    return upsample_to(conv.as<torch::nn::ConvTranspose2dImpl>()->forward(upper), lower);
  }
  auto& conv3x3 = *conv.as<FusedConv2dImpl>();
  if (options_.topdown == "upsample_then_conv") return conv3x3.forward(upsample_to(upper, lower));
  return upsample_to(conv3x3.forward(upper), lower);
}

Pyramid FpnImpl::forward(const Features& s) {
  RECORD_USER_SCOPE("fpn");
  const torch::Tensor p5 = lateral5_(s.s5_BCHW);  // (1)
  const torch::Tensor p4 =
      lateral4_->forward_plus(s.s4_BCHW, top_down(*conv5_, p5, s.s4_BCHW));  // (2)
  const torch::Tensor p3 =
      lateral3_->forward_plus(s.s3_BCHW, top_down(*conv4_, p4, s.s3_BCHW));  // (3)
  return {p3, p4, p5};
}

}  // namespace catamaran
