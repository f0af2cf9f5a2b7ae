#include "evaluation/probability_mean.h"

#include <cmath>

#include "evaluation/sigmoid.h"
#include "support/assert.h"

namespace catamaran {

void ProbabilityMean::add(std::span<const float> logits) {
  if (sets_ == 0) {
    first_.assign(logits.begin(), logits.end());
    present_.assign(logits.size(), 0);
    absent_.assign(logits.size(), 0);
  }
  CATAMARAN_ASSERT(logits.size() == first_.size(), "every set has the same images and classes");
  for (size_t i = 0; i < logits.size(); ++i) {
    const auto z = static_cast<double>(logits[i]);
    present_[i] += sigmoid(z);
    absent_[i] += sigmoid(-z);
  }
  ++sets_;
}

std::vector<float> ProbabilityMean::logits() const {
  if (sets_ <= 1) return first_;
  std::vector<float> mean(present_.size());
  for (size_t i = 0; i < mean.size(); ++i)
    mean[i] = static_cast<float>(std::log(present_[i]) - std::log(absent_[i]));
  return mean;
}

}  // namespace catamaran
