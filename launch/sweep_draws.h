// Random axes of a sweep: values drawn by a counter-based generator from the sweep's seed, the
// axis's key and the draw's number alone, so that a sweep that is given more points, or another
// axis, keeps the values that it had.
//
//   const RandomAxis axis = {.key = "optimizer.learning_rate", .kind = DrawKind::kLogUniform,
//                            .low = 1e-4, .high = 1e-2};
//   draw(axis, /*seed=*/1, /*number=*/0);      // "0.00231417", as TOML
//
// Numbers are rounded to six digits: what a table shows is what was used, whatever the machine's
// logarithm rounds. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

enum class DrawKind {
  kUniform,     // [low, high]
  kLogUniform,  // [low, high], low above 0: every factor alike
  kInt,         // whole numbers first to last
  kChoice,
};

struct RandomAxis {
  std::string key;
  DrawKind kind = DrawKind::kUniform;
  double low = 0;
  double high = 1;
  int64_t first = 0;
  int64_t last = 0;
  std::vector<std::string> choices;  // as TOML
};

// uniform, log_uniform, int, choice with these values, as TOML, into the axis; a sentence where
// they do not make one, else empty.
std::string fill_axis(const std::string& kind, const std::vector<std::string>& values,
                      RandomAxis& axis);
std::vector<std::string> draw_kinds();

std::string draw(const RandomAxis& axis, uint64_t seed, int64_t number);

}  // namespace catamaran
