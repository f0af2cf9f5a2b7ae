#include "trainer/views.h"

#include <algorithm>

#include "support/error.h"

namespace catamaran {

std::vector<View> views(const std::string& augment, int64_t input_size) {
  constexpr int64_t kStride = 32;
  const auto to_stride = [](int64_t eighths) {  // nearest multiple, upwards from the middle
    return (eighths / 8 + kStride / 2) / kStride * kStride;
  };
  if (augment == "none") return {{input_size, false}};
  if (augment == "flip") return {{input_size, true}};
  if (augment == "scales") {
    const int64_t smaller = std::min(to_stride(7 * input_size), input_size - kStride);
    const int64_t larger = std::max(to_stride(9 * input_size), input_size + kStride);
    std::vector<View> all = {{input_size, false}, {larger, false}};
    if (smaller >= kStride) all.insert(all.begin(), {smaller, false});
    return all;
  }
  throw UsageError("there is no augmentation '" + augment + "'", "--augment",
                   "use none, flip or scales");
}

}  // namespace catamaran
