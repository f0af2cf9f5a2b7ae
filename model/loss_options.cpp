#include "model/loss_options.h"

#include <algorithm>
#include <numeric>

#include "support/error.h"

namespace catamaran {
namespace {

void require(bool holds, const std::string& key, const std::string& problem,
             const std::string& hint) {
  if (!holds) throw UsageError(problem, "loss." + key, hint);
}

void require_one_of(const std::string& value, const std::vector<std::string>& known,
                    const std::string& key) {
  std::string list;
  for (const std::string& each : known) list += (list.empty() ? "" : ", ") + each;
  require(std::find(known.begin(), known.end(), value) != known.end(), key,
          "'" + value + "' is not known", "use one of " + list);
}

}  // namespace

void LossOptions::check() const {
  require_one_of(name, {"bce", "focal", "asl"}, "name");
  require(focal_gamma >= 0, "focal_gamma", "must not be negative", "2 is usual");
  require(focal_alpha == -1 || (focal_alpha >= 0 && focal_alpha <= 1), "focal_alpha",
          "must be in [0, 1], or -1 for no weighting", "0.25 is usual");
  require(asl_gamma_pos >= 0, "asl_gamma_pos", "must not be negative", "0 and 1 are usual");
  require(asl_gamma_neg >= 0, "asl_gamma_neg", "must not be negative", "4 and 2 are usual");
  require(asl_clip >= 0 && asl_clip < 1, "asl_clip", "must be in [0, 1)", "0.05 and 0 are usual");
  require(label_smoothing >= 0 && label_smoothing < 1, "label_smoothing", "must be in [0, 1)",
          "0.1 is usual");
  require_one_of(positive_weight, {"none", "balanced", "inverse"}, "positive_weight");
  require(positive_weight_cap > 0, "positive_weight_cap", "must be positive", "20 is the default");
  require(auxiliary_weight >= 0, "auxiliary_weight", "must not be negative", "0 is the paper's");
  require(scale > 0, "scale", "must be positive", "1 is the mean over labels and images");
}

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
