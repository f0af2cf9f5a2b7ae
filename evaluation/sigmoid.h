// The logistic function of a logit, without overflow on either side and with full relative
// precision near 0.
#pragma once

#include <cmath>

namespace catamaran {

inline double sigmoid(double z) {
  return z >= 0 ? 1 / (1 + std::exp(-z)) : std::exp(z) / (1 + std::exp(z));
}

}  // namespace catamaran
