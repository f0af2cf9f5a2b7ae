#include "trainer/explained_labels.h"

#include <algorithm>
#include <numeric>

#include "support/assert.h"

namespace catamaran {

Verdict verdict(double probability, double threshold, int8_t truth) {
  const bool predicted = probability >= threshold;
  if (truth == kNoTruth) return predicted ? Verdict::kPredicted : Verdict::kAbsent;
  if (truth == 0) return Verdict::kIgnored;
  if (truth > 0) return predicted ? Verdict::kRight : Verdict::kMissing;
  return predicted ? Verdict::kWrong : Verdict::kAbsent;
}

const char* word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMissing:
      return "missing";
    case Verdict::kWrong:
      return "wrong";
    case Verdict::kIgnored:
      return "ignored";
    default:
      return "";
  }
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPredicted:
      return "predicted";
    case Verdict::kRight:
      return "right";
    case Verdict::kAbsent:
      return "absent";
    default:
      return word_of(verdict);
  }
}

std::vector<size_t> labels_to_show(std::span<const double> probabilities,
                                   std::span<const double> thresholds,
                                   std::span<const int8_t> truth, int64_t most) {
  CATAMARAN_ASSERT(probabilities.size() == thresholds.size() &&
                       (truth.empty() || truth.size() == probabilities.size()),
                   "every class has a probability and a threshold");
  std::vector<size_t> ranked(probabilities.size());
  std::iota(ranked.begin(), ranked.end(), size_t{0});
  std::stable_sort(ranked.begin(), ranked.end(),
                   [&](size_t a, size_t b) { return probabilities[a] > probabilities[b]; });
  std::vector<size_t> shown;
  int64_t predicted = 0;
  for (const size_t c : ranked) {
    const bool over = probabilities[c] >= thresholds[c] && predicted < most;
    predicted += over ? 1 : 0;
    if (over || (!truth.empty() && truth[c] > 0)) shown.push_back(c);
  }
  if (shown.empty() && !ranked.empty()) shown.push_back(ranked.front());
  return shown;
}

}  // namespace catamaran
