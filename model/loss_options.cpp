#include "model/loss_options.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/problems.h"

namespace catamaran {
namespace {

bool not_negative(double value) { return value >= 0 && std::isfinite(value); }

}  // namespace

std::vector<std::string> LossOptions::problems() const {
  Problems found("loss.");
  found.require_one_of("name", name, {"bce", "focal", "asl"});
  found.require(not_negative(focal_gamma), "focal_gamma", "must not be negative", "2 is usual");
  found.require(focal_alpha == -1 || (focal_alpha >= 0 && focal_alpha <= 1), "focal_alpha",
                "must be in [0, 1], or -1 for no weighting", "0.25 is usual");
  found.require(not_negative(asl_gamma_pos), "asl_gamma_pos", "must not be negative",
                "0 and 1 are usual");
  found.require(not_negative(asl_gamma_neg), "asl_gamma_neg", "must not be negative",
                "4 and 2 are usual");
  found.require(asl_clip >= 0 && asl_clip < 1, "asl_clip", "must be in [0, 1)",
                "0.05 and 0 are usual");
  found.require(label_smoothing >= 0 && label_smoothing < 1, "label_smoothing", "must be in [0, 1)",
                "0.1 is usual");
  found.require_one_of("positive_weight", positive_weight, {"none", "balanced", "inverse"});
  found.require(positive_weight_cap > 0 && std::isfinite(positive_weight_cap),
                "positive_weight_cap", "must be positive", "20 is the default");
  found.require(not_negative(auxiliary_weight), "auxiliary_weight", "must not be negative",
                "0 is the paper's");
  found.require(scale > 0 && std::isfinite(scale), "scale", "must be positive",
                "1 is the mean over labels and images");
  return found.take();
}

void LossOptions::check() const { throw_if_any(problems()); }

std::vector<float> positive_weights(const LossOptions& options, const ClassCounts& counts) {
  if (options.positive_weight == "none") return {};
  const std::vector<int64_t>& positives = counts.positives;
  const double mean =
      static_cast<double>(std::accumulate(positives.begin(), positives.end(), int64_t{0})) /
      static_cast<double>(std::max<size_t>(1, positives.size()));
  std::vector<float> weights;
  for (size_t c = 0; c < positives.size(); ++c) {
    const double above =
        options.positive_weight == "balanced" ? static_cast<double>(counts.negatives[c]) : mean;
    const double weight =
        positives[c] > 0 ? above / static_cast<double>(positives[c]) : options.positive_weight_cap;
    weights.push_back(static_cast<float>(std::min(weight, options.positive_weight_cap)));
  }
  return weights;
}

}  // namespace catamaran
