#include "model/losses.h"

#include "model/autocast.h"
#include "support/assert.h"

namespace catamaran {
namespace {

using torch::Tensor;

// w t L+ + (1 - t) L-; an undefined w is 1.
Tensor both_sides(const Tensor& w_L, const Tensor& t_BL, const Tensor& positive_BL,
                  const Tensor& negative_BL) {
  const Tensor weighted_BL = w_L.defined() ? w_L.to(t_BL.scalar_type()) * t_BL : t_BL;
  return weighted_BL * positive_BL + (1 - t_BL) * negative_BL;
}

Tensor bce(const Tensor& z_BL, const Tensor& t_BL, const Tensor& w_L) {
  const Tensor w = w_L.defined() ? w_L.to(z_BL.scalar_type()) : w_L;
  return torch::binary_cross_entropy_with_logits(z_BL, t_BL, {}, w, at::Reduction::None);  // (12)
}

// p^g of p = sigmoid(z), as exp(g log p): its gradient is finite where p underflows. From z = 1000
// on p is 1 and its slope 0 also in fp64; without the clamp, g log(1 - p) overflows there on its
// way to be multiplied by that 0.
Tensor power_of_probability(const Tensor& z_BL, double gamma) {
  return (gamma * at::log_sigmoid(z_BL.clamp_max(1000))).exp();
}

Tensor focal(const Tensor& z_BL, const Tensor& t_BL, const Tensor& w_L, const LossOptions& o) {
  const Tensor log_p = at::log_sigmoid(z_BL);
  const Tensor log_q = at::log_sigmoid(-z_BL);  // q = 1 - p
  const bool weighted = o.focal_alpha >= 0;
  const double positive = weighted ? o.focal_alpha : 1;
  const double negative = weighted ? 1 - o.focal_alpha : 1;
  return both_sides(w_L, t_BL, -positive * power_of_probability(-z_BL, o.focal_gamma) * log_p,
                    -negative * power_of_probability(z_BL, o.focal_gamma) * log_q);
}

struct Weighted {
  Tensor factor;  // the focal one
  Tensor loss;
};

// -pm^g log(1 - pm), pm = max(p - clip, 0). Where the shifted probability is clipped, both the loss
// and its gradient are zero; the power is kept away from 0^(g-1) there.
Weighted shifted_negative(const Tensor& z_BL, double gamma, double clip) {
  const Tensor log_q = at::log_sigmoid(-z_BL);
  if (clip == 0) return {power_of_probability(z_BL, gamma), -log_q};
  const Tensor shifted = z_BL.sigmoid() - clip;
  const Tensor open = shifted.gt(0);
  const Tensor factor = torch::where(open, shifted, torch::ones_like(shifted)).pow(gamma) * open;
  return {factor, -(log_q.exp() + clip).clamp_max(1).log()};
}

Tensor asl(const Tensor& z_BL, const Tensor& t_BL, const Tensor& w_L, const LossOptions& o) {
  const Weighted positive = {power_of_probability(-z_BL, o.asl_gamma_pos), -at::log_sigmoid(z_BL)};
  const Weighted negative = shifted_negative(z_BL, o.asl_gamma_neg, o.asl_clip);
  const auto product = [&](const Weighted& side) {
    return (o.asl_detach_weights ? side.factor.detach() : side.factor) * side.loss;
  };
  return both_sides(w_L, t_BL, product(positive), product(negative));
}

}  // namespace

Loss::Loss(const LossOptions& options, const std::vector<float>& positive_weight_L,
           torch::Device device)
    : options_(options) {
  options.check();
  Tensor w_L;
  if (!positive_weight_L.empty())
    w_L = torch::tensor(positive_weight_L, torch::kFloat32).to(device);
  if (options.name == "bce") {
    label_loss_ = [w_L](const Tensor& z, const Tensor& t) { return bce(z, t, w_L); };
  } else if (options.name == "focal") {
    label_loss_ = [w_L, options](const Tensor& z, const Tensor& t) {
      return focal(z, t, w_L, options);
    };
  } else {
    CATAMARAN_ASSERT(options.name == "asl", "check() knows three names");
    label_loss_ = [w_L, options](const Tensor& z, const Tensor& t) {
      return asl(z, t, w_L, options);
    };
  }
}

LossSum Loss::of_logits(const Tensor& logits_BL, const Tensor& labels_BL) const {
  const Tensor z_BL = widened(logits_BL);
  const bool are_targets = labels_BL.is_floating_point();  // of mixed images
  const Tensor valid_BL = are_targets ? labels_BL.ge(0) : labels_BL.ne(0);
  Tensor target_BL =
      (are_targets ? labels_BL.clamp_min(0) : labels_BL.gt(0)).to(z_BL.scalar_type());
  const double e = options_.label_smoothing;
  if (e > 0) target_BL = target_BL * (1 - e) + e / 2;
  const Tensor sum = (label_loss_(z_BL, target_BL) * valid_BL).sum();
  return {sum * options_.scale, valid_BL.sum().to(torch::kFloat64)};
}

LossSum Loss::operator()(const CatOutput& out, const Tensor& labels_BL) const {
  LossSum loss = of_logits(out.yhat_BL, labels_BL);
  const bool auxiliary = options_.auxiliary_weight > 0 && out.head_logits_BL.size() > 1;
  if (!auxiliary) return loss;
  for (const Tensor& y_BL : out.head_logits_BL) {  // (8) (9) (10)
    const Tensor own = of_logits(y_BL, labels_BL).sum;
    loss.sum = loss.sum + options_.auxiliary_weight * own;
    loss.heads.push_back(own.detach());
  }
  return loss;
}

LossSum bce_with_ignore(const Tensor& logits_BL, const Tensor& labels_BL) {
  return Loss(LossOptions{}).of_logits(logits_BL, labels_BL);
}

}  // namespace catamaran
