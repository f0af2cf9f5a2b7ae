// Batch norm over the micro-batches of all ranks: as if one device held their images together. How
// the ranks talk to one another is the caller's: the model sees a StatisticsExchange.
//
//   torch::Tensor y_BCHW = sync_batch_norm(x_BCHW, *norm, exchange);       // training mode alone
//
// Forward: this rank's mean and sum of squared deviations of each channel (ATen's batch norm
// kernels, fp32) become n, n mean and M2 + n mean^2 in fp64, which are summed over ranks in one
// exchange; that is the pairwise formula of Chan et al. 1983 for any number of ranks, and in fp64
// its subtraction loses nothing that fp32 could hold. Running statistics move as those of
// torch::nn::BatchNorm2d do, with the unbiased variance of all values. Backward: one exchange of
// sum(dy) and sum(dy xhat) in fp32 gives the gradient of the input; the gradients of weight and
// bias stay this rank's part, which whoever sums gradients over ranks adds up. Ranks may bring
// different numbers of images, none too; memory format and type of x are kept. What a GPU adds is
// that exchange is called with tensors on it, on its current stream.
//
// All ranks must run the same layers in the same order, forward and backward. Source: Ioffe and
// Szegedy 2015; torch.nn.SyncBatchNorm. Only the thread that runs the step loop, and autograd's
// during backward.
#pragma once

#include <torch/torch.h>

namespace catamaran {

class StatisticsExchange : public torch::CustomClassHolder {
 public:
  // In place the sum over all ranks, the same bits on each. values: one dimension, fp32 or fp64,
  // on the model's device; as many on every rank. Called by autograd's thread, too.
  virtual void sum(torch::Tensor& values) = 0;
};
using StatisticsExchangePtr = c10::intrusive_ptr<StatisticsExchange>;

torch::Tensor sync_batch_norm(const torch::Tensor& x_BCHW, torch::nn::BatchNorm2dImpl& norm,
                              const StatisticsExchangePtr& exchange);

}  // namespace catamaran
