#include "trainer/gradient_clip.h"

#include <algorithm>

namespace catamaran {

double norm_clip_factor(double norm, double max_norm) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
}

}  // namespace catamaran
