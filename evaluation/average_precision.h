// Average precision of one class, in the field's four definitions.
//
//   kSklearn      sum over distinct thresholds of (R_n - R_{n-1}) P_n, the default
//   kMlGcn        mean over positives of P at the positive's rank; ties: ascending index
//   kEnvelope     precision replaced by its maximum to the right (VOC2010 and later)
//   kElevenPoint  mean over recall 0, .1, ..., 1 of the maximal precision at recall >= t (VOC2007
//                 devkit); recalls are compared as fractions, so 3 of 10 positives reach .3
//
// All but kMlGcn take a block of tied scores as one point, so the order of images cannot matter.
// Ignored labels (0) are removed before ranking. A class without positives has no AP: nullopt.
//
// Errors: NumericsError for a score that is not a number. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "evaluation/ranking.h"

namespace catamaran {

enum class ApDefinition { kSklearn, kMlGcn, kEnvelope, kElevenPoint };

// scores and labels of one class: element i is at [i * stride].
std::optional<double> average_precision(std::span<const float> scores,
                                        std::span<const int8_t> labels, int64_t stride,
                                        ApDefinition definition);

// The same of a class that is ranked already.
std::optional<double> average_precision(const Ranking& ranking, ApDefinition definition);

}  // namespace catamaran
