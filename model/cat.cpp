#include "model/cat.h"

#include <ATen/CPUGeneratorImpl.h>

#include <string>

#include "model/random_init.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr std::array<const char*, 3> kFusionNames = {"alpha", "beta", "gamma"};

}  // namespace

CatImpl::CatImpl(const CatOptions& options, int64_t labels) : options_(options), labels_(labels) {
  options.check();
  if (labels < 1 || labels > kMostLabels) {
    throw UsageError(std::to_string(labels) + " labels are no label set", "classes",
                     "1 to " + std::to_string(kMostLabels) + " can be told apart");
  }
  const int64_t dim = options.attention.dim;
  backbone_ = register_module(
      "backbone",
      make_backbone(options.backbone.name,
                    options.fpn.enabled ? BackboneEnd::kLastStage : BackboneEnd::kBeforePooling));
  const int64_t head_dim = options.fpn.enabled ? dim : backbone_->channels()[2];
  if (options.fpn.enabled)
    fpn_ = register_module("fpn", Fpn(options.fpn, backbone_->channels(), dim));
  if (options.lrd_enabled) lrd_ = register_module("lrd", LongRange(options.attention));
  if (options.cla.enabled) {
    cla4_ = register_module("cla4", CrossLayer(options.attention, options.cla, /*level=*/4));
    cla3_ = register_module("cla3", CrossLayer(options.attention, options.cla, /*level=*/3));
  }
  const size_t heads = options.fpn.enabled ? 3 : 1;
  for (size_t h = 0; h < heads; ++h) {
    heads_.push_back(
        register_module("head" + std::to_string(h + 1), Head(options.head, head_dim, labels)));
    const torch::Tensor share = torch::full({}, 1.0 / static_cast<double>(heads));
    const bool learnt = heads > 1 && !options.head.frozen_fusion;
    fusion_.push_back(register_parameter(kFusionNames[h], share, learnt));
  }
  for (torch::Tensor& parameter : parameters()) {
    if (parameter.dim() == 4)
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
  if (options.backbone.bn == "frozen") {
    for (const auto& module : backbone_->modules()) {
      if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) {
        norm->weight.set_requires_grad(false);
        norm->bias.set_requires_grad(false);
      }
    }
  }
  train();
}

void CatImpl::train(bool on) {
  CATAMARAN_ASSERT(!on || !backbone_->folded(), "a model with folded batch norm is for inference");
  torch::nn::Module::train(on);
  if (options_.backbone.bn != "frozen") return;
  for (const auto& module : backbone_->modules()) {
    if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) norm->eval();
  }
}

Features CatImpl::features(const torch::Tensor& x_BCHW) {
  RECORD_USER_SCOPE("backbone");
  return backbone_->forward(x_BCHW.contiguous(at::MemoryFormat::ChannelsLast));
}

CatOutput CatImpl::forward(const torch::Tensor& x_BCHW, bool with_class_maps) {
  const Features s = features(x_BCHW);                                     // S3 S4 S5
  if (!fpn_) return fuse({s.s5_BCHW}, with_class_maps);                    // "Backbone"
  const Pyramid p = fpn_(s);                                               // (1) P5 (2) P4 (3) P3
  const torch::Tensor p_r5 = lrd_ ? lrd_(p.p5_BDHW) : p.p5_BDHW;           // (4)
  if (!cla4_) return fuse({p_r5, p.p4_BDHW, p.p3_BDHW}, with_class_maps);  // "w/o CLF"
  const torch::Tensor p_r4 = cla4_(p_r5, p.p4_BDHW);                       // (5), CLA of (7)
  const torch::Tensor p_r3 = cla3_(p_r4, p.p3_BDHW);                       // (6), CLA of (7)
  return fuse({p_r5, p_r4, p_r3}, with_class_maps);                        // (8)-(11)
}

CatOutput CatImpl::fuse(const std::vector<torch::Tensor>& levels, bool with_class_maps) {
  CatOutput out;
  for (size_t h = 0; h < heads_.size(); ++h) {
    const HeadOutput y = heads_[h]->forward(levels[h], with_class_maps);  // (8) y1 (9) y2 (10) y3
    const torch::Tensor weighted_BL = fusion_[h] * y.logits_BL;
    out.yhat_BL =
        h == 0 ? weighted_BL : out.yhat_BL + weighted_BL;  // (11) alpha y1 + beta y2 + gamma y3
    out.head_logits_BL.push_back(y.logits_BL);
    if (with_class_maps) out.class_maps_BLHW.push_back(y.map_BLHW);
  }
  return out;
}

std::array<double, 3> CatImpl::fusion_weights() const {
  std::array<double, 3> weights{};
  for (size_t h = 0; h < fusion_.size(); ++h) weights[h] = fusion_[h].item<double>();
  return weights;
}

void initialise(CatImpl& cat, uint64_t seed) {
  const torch::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(seed);
  cat.backbone().initialise(generator);
  for (const auto& part : cat.children()) {
    if (auto* fpn = part->as<FpnImpl>()) {
      fpn->initialise(generator);
    } else if (auto* head = part->as<HeadImpl>()) {
      head->initialise(generator);
    } else if (part.get() != &cat.backbone()) {  // attention
      for (const auto& module : part->modules()) {
        if (auto* linear = module->as<torch::nn::LinearImpl>()) glorot_uniform(*linear, generator);
      }
    }
  }
}

}  // namespace catamaran
