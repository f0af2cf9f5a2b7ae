// A backbone: an image in, feature maps of three levels out, S3, S4 and S5 of the paper's figure 2.
//
//   std::shared_ptr<Backbone> backbone = make_backbone("resnext50_32x4d", BackboneEnd::kLastStage);
//   Features s = backbone->forward(x_BCHW);                // x: channels-last runs fastest
//
// Strides of S3, S4, S5 against the input are 8, 16, 32 unless the backbone's page says otherwise;
// a side that a stride does not divide is rounded as timm rounds it. Module and parameter names are
// timm's, without the classifier. docs/backbones.md says how to add one: a class here, a line in
// the registry of model/backbone.cpp. Errors: UsageError on an unknown name. Only the thread that
// runs the step loop.
#pragma once

#include <torch/torch.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "model/backbone_names.h"
#include "model/conv_norm.h"

namespace catamaran {

// Where a backbone ends. Most have nothing between their last stage and their classifier's pooling,
// and are the same either way.
enum class BackboneEnd {
  kLastStage,      // S5 is the last stage's map, for a pyramid: timm's features_only
  kBeforePooling,  // S5 is the map that the network's own classifier pools: timm's forward_features
};

struct Features {
  torch::Tensor s3_BCHW;
  torch::Tensor s4_BCHW;
  torch::Tensor s5_BCHW;
};

class Backbone : public ConvNormOwner {
 public:
  virtual Features forward(const torch::Tensor& x_BCHW) = 0;
  // Channels of S3, S4, S5.
  const std::array<int64_t, 3>& channels() const { return channels_; }

  // Random values as published for this kind. Here: He et al. 2015 with fan-out per group for
  // convolutions (so also EfficientNet's rule for depthwise ones), batch norm as the identity.
  virtual void initialise(at::Generator generator);

  // The name in this module of a tensor that a weight file calls file_name, where files of other
  // sources use other names than timm; otherwise file_name itself.
  virtual std::string timm_name(const std::string& file_name) const { return file_name; }
  // A file's tensors of what lies past the end of this backbone, which it does not take: the
  // ImageNet classifier and, for kLastStage, the layers before its pooling.
  virtual bool is_past_end(std::string_view file_name) const;

  // Every batch norm below takes its statistics over all ranks while it trains (bn = "sync").
  void share_all_statistics(const StatisticsExchangePtr& exchange);

  // Folds every batch norm below, in eval mode (model/fold_batch_norm.h); returns how many. If any,
  // the buffer kFoldedMark joins the state.
  int64_t fold_all_batch_norms();
  bool folded() const { return folded_; }
  static constexpr const char* kFoldedMark = "folded_batch_norm";

 protected:
  std::array<int64_t, 3> channels_{};

 private:
  bool folded_ = false;
};

std::shared_ptr<Backbone> make_backbone(const std::string& name, BackboneEnd end);

}  // namespace catamaran
