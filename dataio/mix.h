// Mixup and CutMix of two neighbours of a batch, for labels of which several may be present.
//
//   if (const auto mix = choose_mix(options, draw_of_first, height, width))
//     mix_pixels(*mix, first, second);       // both change; each keeps `share` of itself
//
// Images 2k and 2k + 1 of a rank's micro-batch are a pair, which is the same on any number of ranks
// that divides the batch into even parts; both get the same share. mixup: bytes are share a + (1 -
// share) b, rounded; share from Beta(alpha, alpha). CutMix: a rectangle around a random point, its
// area 1 - share of the picture's before it is cut off at the border, is exchanged; share is then
// what really stays. Source: Zhang et al. 2018; Yun et al. 2019. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "dataio/appearance.h"

namespace catamaran {

struct Mix {
  bool cuts = false;   // CutMix
  PixelBox rectangle;  // of CutMix
  double share = 1;    // that each image keeps of itself, in (0, 1]
};

// draw: of the pair's first image.
std::optional<Mix> choose_mix(const AugmentOptions& options, const SampleDraw& draw, int64_t height,
                              int64_t width);
void mix_pixels(const Mix& mix, RgbPixels first, RgbPixels second);

}  // namespace catamaran
