// Where the ticks of an axis stand: round numbers, on a linear and on a logarithmic axis.
//
//   round_ticks(0, 10, 5);       // 0 2 4 6 8 10
//   log_ticks(0.04, 0.6);        // 0.05 0.1 0.2 0.5
//
// Thread-safe.
#pragma once

#include <vector>

namespace catamaran {

// Ascending round numbers (1, 2 or 5 times a power of ten apart) that lie in [low, high], about
// `count` of them. low < high, both finite.
std::vector<double> round_ticks(double low, double high, int count);

// The 1, 2 and 5 times powers of ten in [low, high]. 0 < low < high.
std::vector<double> log_ticks(double low, double high);

}  // namespace catamaran
