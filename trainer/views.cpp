#include "trainer/views.h"

#include <algorithm>

#include "support/error.h"

namespace catamaran {

std::vector<View> views(const std::string& augment, int64_t input_size) {
  constexpr int64_t kStride = 32;
  const auto nearest = [](int64_t eighths) {  // multiple of the stride, upwards from the middle
    return (eighths / 8 + kStride / 2) / kStride * kStride;
  };
  if (augment == "none") return {{input_size, false}};
  if (augment == "flip") return {{input_size, true}};
  if (augment == "scales") {
    const int64_t below = (input_size - 1) / kStride * kStride;
    const int64_t above = (input_size / kStride + 1) * kStride;
    const int64_t smaller = std::min(nearest(7 * input_size), below);
    const int64_t larger = std::max(nearest(9 * input_size), above);
    std::vector<View> all = {{input_size, false}, {larger, false}};
    if (smaller >= kStride) all.insert(all.begin(), {smaller, false});
    return all;
  }
  throw UsageError("there is no augmentation '" + augment + "'", "--augment",
                   "use none, flip or scales");
}

}  // namespace catamaran
