// The mean of several predictions for the same images (views of a picture, models of an ensemble):
// the mean of their probabilities, given as a logit again.
//
//   ProbabilityMean mean;
//   mean.add(logits_of_view_1);  mean.add(logits_of_view_2);
//   std::vector<float> combined = mean.logits();
//
// Why probabilities: each view and each model has one vote of at most 1, where a mean of logits
// lets the most self-assured decide. The logit of the mean, log(mean s(z)) - log(mean s(-z)), is
// made from both sides, so that probabilities near 1 do not round to 1 and make ties. One set of
// logits comes back as it went in, to the bit. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace catamaran {

class ProbabilityMean {
 public:
  // All sets have the same size.
  void add(std::span<const float> logits);
  std::vector<float> logits() const;

 private:
  int64_t sets_ = 0;
  std::vector<float> first_;
  std::vector<double> present_;  // sum of s(z)
  std::vector<double> absent_;   // sum of s(-z)
};

}  // namespace catamaran
