// What happens to the colours of the square that the network sees: ColorJitter, cutout,
// RandAugment, in this order, each drawn from a stream of its own, so that switching one leaves the
// others alone.
//
//   AppearanceChanger changer;                                        // one per worker thread
//   changer.apply(options, {seed, epoch, index}, {pixels, 448, 448});
//
// choose_*() are pure functions of options and (seed, epoch, index); the operations are
// dataio/pixel_ops.h's. Cutout: a rectangle of one random colour, its sides a share of the
// picture's, its centre anywhere in it (as the ASL and ML-Decoder recipes do); ColorJitter and
// RandAugment: torchvision's. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataio/augment.h"
#include "dataio/pixel_ops.h"

namespace catamaran {

struct SampleDraw {
  uint64_t seed = 0;
  uint32_t epoch = 0;
  int64_t index = 0;
};

// Rows [top, bottom), columns [left, right).
struct PixelBox {
  int64_t left = 0;
  int64_t top = 0;
  int64_t right = 0;
  int64_t bottom = 0;
};
struct Cutout {
  PixelBox rectangle;
  std::array<uint8_t, 3> colour{};
};

// In the order in which they are applied. `into` is emptied first.
void choose_color_jitter(const AugmentOptions& options, const SampleDraw& draw,
                         std::vector<PixelOp>& into);
void choose_rand_augment(const AugmentOptions& options, const SampleDraw& draw, int64_t height,
                         int64_t width, std::vector<PixelOp>& into);
std::optional<Cutout> choose_cutout(const AugmentOptions& options, const SampleDraw& draw,
                                    int64_t height, int64_t width);
// Of side `share` around (x, y), as much of it as lies in the picture.
PixelBox cutout_rectangle(double share, int64_t x, int64_t y, int64_t height, int64_t width);
void fill(const Cutout& cutout, RgbPixels image);

class AppearanceChanger {
 public:
  void apply(const AugmentOptions& options, const SampleDraw& draw, RgbPixels image);

 private:
  PixelOps ops_;
  std::vector<PixelOp> chosen_;
};

}  // namespace catamaran
