// Average precision of one class, in the field's four definitions.
//
//   kSklearn   sum over distinct thresholds of (R_n - R_{n-1}) P_n; order-independent, the default
//   kMlGcn     mean over positives of P at the positive's rank; ties broken by (score descending,
//   index ascending) kEnvelope  precision replaced by its maximum to the right (VOC2010 and later)
//   kElevenPoint  mean over recall 0, .1, ..., 1 of the maximal precision at recall >= t (VOC2007
//   devkit)
//
// Ignored labels (0) are removed before ranking. A class without positives has no AP: nullopt.
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace catamaran {

enum class ApDefinition { kSklearn, kMlGcn, kEnvelope, kElevenPoint };

// scores and labels of one class: element i is at [i * stride].
std::optional<double> average_precision(std::span<const float> scores,
                                        std::span<const int8_t> labels, int64_t stride,
                                        ApDefinition definition);

}  // namespace catamaran
