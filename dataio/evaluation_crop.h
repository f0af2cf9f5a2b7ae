// What a trained model is shown of a picture, by training's evaluations, eval, predict and explain
// alike.
//
//   none    all of it, squished to the network's square
//   center  the shorter side brought to `resize`, the square in the middle
//
//   const int64_t shorter = options.evaluate.view.shorter_side(224);      // 256; 0: all of it
//   const Placement placement = evaluation_placement(size, shorter, 224);
//   const Region seen = seen_region(size, placement, 224);  // in the picture's pixels
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/augment.h"

namespace catamaran {

constexpr int64_t kLongestShorterSide = 16384;  // times the most a JPEG is longer fits 32 bits

struct EvaluationCrop {       // [evaluate]
  std::string crop = "none";  // none, center
  int64_t resize = 0;         // center: >= the network's size; 0: 8/7 of it, rounded down

  // For a network of this size (support/problems.h). table: before the names of both keys.
  std::vector<std::string> problems(int64_t network_size,
                                    const std::string& table = "evaluate.") const;
  // That the picture is brought to before its middle is taken, pixels; 0: it is squished whole.
  int64_t shorter_side(int64_t network_size) const;
};

// shorter_side: as above.
Placement evaluation_placement(ImageSize size, int64_t shorter_side, int64_t network_size);
// The part of the picture that becomes the network's square.
Region seen_region(ImageSize size, const Placement& placement, int64_t network_size);

}  // namespace catamaran
