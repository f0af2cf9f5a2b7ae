// A convolution, its batch norm and the activation behind them: the unit that most backbones are
// made of, and that inference folds into one convolution.
//
//   class BlockImpl : public ConvNormOwner {               // names as in timm: conv1.*, bn1.*
//     ConvNormPtr conv1_ = add("conv1", "bn1", options, kEps, Activation::kRelu);
//     torch::Tensor forward(const torch::Tensor& x_BCHW) { return conv1_->forward(x_BCHW); }
//   };
//   block->fold_batch_norms();                             // conv1.weight, conv1.bias; no bn1
//
// Convolution and batch norm are modules of the owner, so parameter names stay flat. Before folding
// the convolution has no bias. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/activation.h"
#include "model/packed_convolution.h"
#include "model/same_padding.h"
#include "model/sync_batch_norm.h"

namespace catamaran {

class ConvNorm {
 public:
  ConvNorm(torch::nn::Conv2d conv, torch::nn::BatchNorm2d norm, Activation activation,
           PaddingRule padding);

  torch::Tensor forward(const torch::Tensor& x_BCHW);
  // activation(norm(conv(x)) + residual)
  torch::Tensor forward(const torch::Tensor& x_BCHW, const torch::Tensor& residual_BCHW);
  // Replaces the pair by one convolution with bias that does the same with the running statistics.
  void fold();

  // From now on, training mode normalises by the statistics of all ranks.
  void share_statistics(StatisticsExchangePtr exchange) { exchange_ = std::move(exchange); }

  bool folded() const { return norm_.is_empty(); }
  const torch::nn::Conv2d& conv() const { return conv_; }

 private:
  torch::Tensor normalised(const torch::Tensor& x_BCHW);

  torch::nn::Conv2d conv_;
  torch::nn::BatchNorm2d norm_;     // empty once folded
  StatisticsExchangePtr exchange_;  // none: the statistics are this rank's own
  Activation activation_;
  PaddingRule padding_;
  PackedConvolution packed_;  // of conv_, once folded
};
using ConvNormPtr = std::shared_ptr<ConvNorm>;

// A module that owns such pairs.
class ConvNormOwner : public torch::nn::Module {
 public:
  // Folds the pairs of this module, not those of modules below it; returns how many it folded.
  int64_t fold_batch_norms();
  // Of these pairs likewise.
  void share_statistics(const StatisticsExchangePtr& exchange);

 protected:
  ConvNormPtr add(const std::string& conv_name, const std::string& norm_name,
                  torch::nn::Conv2dOptions options, double norm_eps, Activation activation,
                  PaddingRule padding = PaddingRule::kOfConvolution);

 private:
  struct Named {
    std::string conv_name;
    std::string norm_name;
    ConvNormPtr pair;
  };
  std::vector<Named> pairs_;
};

}  // namespace catamaran
