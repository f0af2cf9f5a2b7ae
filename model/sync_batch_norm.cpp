#include "model/sync_batch_norm.h"

#include <ATen/ops/batch_norm_backward_elemt.h>
#include <ATen/ops/batch_norm_backward_reduce.h>
#include <ATen/ops/batch_norm_elemt.h>
#include <ATen/ops/batch_norm_update_stats.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>

#include "support/assert.h"

namespace catamaran {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Of every channel, over all ranks; fp32 as ATen's kernels want them.
struct Moments {
  torch::Tensor count;  // fp64, one value: images x height x width
  torch::Tensor mean_C;
  torch::Tensor var_C;  // biased
};

// n, n mean, M2 + n mean^2 of this rank: 1 + 2C values, fp64.
torch::Tensor local_sums(const torch::Tensor& x_BCHW) {
  const int64_t channels = x_BCHW.size(1);
  const auto options = x_BCHW.options().dtype(torch::kFloat64).memory_format(std::nullopt);
  if (x_BCHW.numel() == 0) return torch::zeros({1 + 2 * channels}, options);
  // Running statistics of fp32 make the kernels compute in fp32 whatever the type of x is.
  const auto single = options.dtype(torch::kFloat32);
  const auto [mean_C, var_C] = at::batch_norm_update_stats(
      x_BCHW, torch::zeros({channels}, single), torch::zeros({channels}, single), /*momentum=*/0);
  const torch::Tensor mean = mean_C.to(torch::kFloat64);
  const auto count = static_cast<double>(x_BCHW.numel() / channels);
  return torch::cat({torch::full({1}, count, options), mean * count,
                     (var_C.to(torch::kFloat64) + mean * mean) * count});
}

Moments global_moments(const torch::Tensor& x_BCHW, StatisticsExchange& exchange) {
  const int64_t channels = x_BCHW.size(1);
  torch::Tensor sums = local_sums(x_BCHW);
  exchange.sum(sums);
  const torch::Tensor count = sums.narrow(0, 0, 1);
  const torch::Tensor mean = sums.narrow(0, 1, channels) / count;
  const torch::Tensor var =
      (sums.narrow(0, 1 + channels, channels) / count - mean * mean).clamp_min(0);
  return {count, mean.to(torch::kFloat32), var.to(torch::kFloat32)};
}

// As torch::nn::BatchNorm2d: the variance that is kept is the unbiased one.
void move_running_statistics(torch::nn::BatchNorm2dImpl& norm, const Moments& all) {
  const torch::NoGradGuard no_grad;
  const double momentum = *norm.options.momentum();
  const torch::Tensor unbiased = (all.count / (all.count - 1).clamp_min(1)).to(torch::kFloat32);
  norm.num_batches_tracked.add_(1);
  norm.running_mean.mul_(1 - momentum).add_(all.mean_C, momentum);
  norm.running_var.mul_(1 - momentum).add_(all.var_C * unbiased, momentum);
}

torch::Tensor normalise(const torch::Tensor& x_BCHW, const torch::Tensor& weight_C,
                        const torch::Tensor& bias_C, const Moments& all,
                        const torch::Tensor& invstd_C, double eps) {
  if (x_BCHW.numel() == 0) return torch::empty_like(x_BCHW);
  if (x_BCHW.is_cuda())
    return at::batch_norm_elemt(x_BCHW, weight_C, bias_C, all.mean_C, invstd_C, eps);
  // Eval mode with these statistics: one pass.
  return std::get<0>(at::native_batch_norm(x_BCHW, weight_C, bias_C, all.mean_C, all.var_C,
                                           /*training=*/false, /*momentum=*/0, eps));
}

// This rank's sums over images and pixels: of dy, and of dy xhat.
struct GradientSums {
  torch::Tensor dy_C;
  torch::Tensor dy_xhat_C;
};

GradientSums local_gradient_sums(const torch::Tensor& dy_BCHW, const torch::Tensor& x_BCHW,
                                 const torch::Tensor& weight_C, const torch::Tensor& mean_C,
                                 const torch::Tensor& invstd_C, double eps) {
  if (x_BCHW.numel() == 0) return {torch::zeros_like(mean_C), torch::zeros_like(mean_C)};
  if (x_BCHW.is_cuda()) {
    const auto [sum_dy, sum_dy_xmu, weight_gradient, bias_gradient] =
        at::batch_norm_backward_reduce(dy_BCHW, x_BCHW, mean_C, invstd_C, weight_C,
                                       /*input_g=*/true, /*weight_g=*/false, /*bias_g=*/false);
    return {sum_dy, sum_dy_xmu * invstd_C};
  }
  // The gradients of bias and weight are these sums.
  const auto [none, dy_xhat, dy] = at::native_batch_norm_backward(
      dy_BCHW, x_BCHW, weight_C, /*running_mean=*/{}, /*running_var=*/{}, mean_C, invstd_C,
      /*train=*/true, eps, {false, true, true});
  return {dy, dy_xhat};
}

// dx = weight invstd (dy - mean(dy) - xhat mean(dy xhat)), means over all ranks.
torch::Tensor input_gradient(const torch::Tensor& dy_BCHW, const torch::Tensor& x_BCHW,
                             const torch::Tensor& weight_C, const torch::Tensor& mean_C,
                             const torch::Tensor& invstd_C, const torch::Tensor& count,
                             const GradientSums& all) {
  if (x_BCHW.numel() == 0) return torch::zeros_like(x_BCHW);
  if (x_BCHW.is_cuda()) {
    return at::batch_norm_backward_elemt(dy_BCHW, x_BCHW, mean_C, invstd_C, weight_C, all.dy_C,
                                         all.dy_xhat_C / invstd_C, count.to(torch::kInt32));
  }
  // a dy + (b x + c), each of one value a channel: two passes.
  const torch::Tensor n = count.to(torch::kFloat32);
  const auto per_channel = [](const torch::Tensor& values_C) {
    return values_C.view({1, -1, 1, 1});
  };
  const torch::Tensor a_C = weight_C * invstd_C;
  const torch::Tensor b_C = -a_C * invstd_C * all.dy_xhat_C / n;
  const torch::Tensor c_C = -a_C * all.dy_C / n - b_C * mean_C;
  torch::Tensor dx_BCHW = torch::addcmul(per_channel(c_C), x_BCHW, per_channel(b_C));
  return dx_BCHW.addcmul_(dy_BCHW, per_channel(a_C)).to(x_BCHW.scalar_type());
}

class SyncBatchNorm : public torch::autograd::Function<SyncBatchNorm> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x_BCHW,
                          const Variable& weight_C, const Variable& bias_C,
                          torch::nn::BatchNorm2dImpl* norm, const StatisticsExchangePtr& exchange) {
    const double eps = norm->options.eps();
    const Moments all = global_moments(x_BCHW, *exchange);
    move_running_statistics(*norm, all);
    const torch::Tensor invstd_C = (all.var_C + eps).rsqrt();
    context->save_for_backward({x_BCHW, weight_C, all.mean_C, invstd_C, all.count});
    context->saved_data["eps"] = eps;
    context->saved_data["exchange"] = c10::IValue::make_capsule(exchange);
    return normalise(x_BCHW, weight_C, bias_C, all, invstd_C, eps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Variable& x_BCHW = saved[0];
    const Variable& weight_C = saved[1];
    const Variable& mean_C = saved[2];
    const Variable& invstd_C = saved[3];
    const auto exchange = c10::static_intrusive_pointer_cast<StatisticsExchange>(
        context->saved_data["exchange"].toCapsule());
    const torch::Tensor dy_BCHW = gradients[0].contiguous(x_BCHW.suggest_memory_format());
    const GradientSums mine = local_gradient_sums(dy_BCHW, x_BCHW, weight_C, mean_C, invstd_C,
                                                  context->saved_data["eps"].toDouble());
    torch::Tensor sums = torch::cat({mine.dy_C, mine.dy_xhat_C});
    exchange->sum(sums);
    const int64_t channels = mean_C.size(0);
    const GradientSums all{sums.narrow(0, 0, channels), sums.narrow(0, channels, channels)};
    return {input_gradient(dy_BCHW, x_BCHW, weight_C, mean_C, invstd_C, saved[4], all),
            mine.dy_xhat_C, mine.dy_C, Variable(), Variable()};
  }
};

}  // namespace

torch::Tensor sync_batch_norm(const torch::Tensor& x_BCHW, torch::nn::BatchNorm2dImpl& norm,
                              const StatisticsExchangePtr& exchange) {
  CATAMARAN_ASSERT(norm.is_training() && norm.options.affine() && norm.options.momentum() &&
                       norm.running_mean.defined(),
                   "the backbones' batch norms have weights and running statistics");
  return SyncBatchNorm::apply(x_BCHW, norm.weight, norm.bias, &norm, exchange);
}

}  // namespace catamaran
