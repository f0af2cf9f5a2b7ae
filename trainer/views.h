// Test-time augmentation: the views of a picture whose predictions are averaged.
//
//   for (const View& view : views("scales", 448)) ...          // 384, 448, 512 pixels
//
//   none     the picture as evaluation shows it (dataio/evaluation_crop.h)
//   flip     the same and its mirror image
//   scales   at 7/8, 1 and 9/8 of the input's size, the outer two rounded to multiples of 32 (the
//            network's coarsest stride), to the next one where that is not smaller or larger;
//            the same part of the picture at each
//
// The mean is of probabilities: evaluation/probability_mean.h. Errors: UsageError naming the known
// ones. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

struct View {
  int64_t size = 0;            // side of the square, pixels
  bool also_mirrored = false;  // a second prediction, of the mirror image
};

std::vector<View> views(const std::string& augment, int64_t input_size);

}  // namespace catamaran
