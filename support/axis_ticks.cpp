#include "support/axis_ticks.h"

#include <cmath>

#include "support/assert.h"

namespace catamaran {

std::vector<double> round_ticks(double low, double high, int count) {
  CATAMARAN_ASSERT(low < high && count > 0, "an axis has a length");
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double multiple = rough / power;
  const double step = power * (multiple < 1.5 ? 1 : multiple < 3.5 ? 2 : multiple < 7.5 ? 5 : 10);
  std::vector<double> ticks;
  // Whole multiples of the step, so that 0.3 is not 0.1 + 0.1 + 0.1 and 0 is not -0.
  const double tolerance = 1e-9;
  for (double k = std::ceil(low / step - tolerance); k <= high / step + tolerance; ++k)
    ticks.push_back(k == 0 ? 0.0 : k * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  CATAMARAN_ASSERT(low > 0 && low < high, "a logarithmic axis has a length");
  std::vector<double> ticks;
  for (double decade = std::floor(std::log10(low)); decade <= std::log10(high); ++decade) {
    for (const double multiple : {1.0, 2.0, 5.0}) {
      const double tick = multiple * std::pow(10, decade);
      if (tick >= low && tick <= high) ticks.push_back(tick);
    }
  }
  return ticks;
}

}  // namespace catamaran
