// Operations on a picture of RGB bytes that keep its size, each the bytes that PIL gives (and so
// torchvision with PIL pictures): the vocabulary of ColorJitter and RandAugment.
//
//   PixelOps ops;                                                // one per worker thread
//   ops.apply({PixelOpKind::kBrightness, 1.3}, {pixels, 448, 448});
//
// What `value` means by kind:
//   kBrightness, kContrast, kSaturation, kSharpness   factor, >= 0; 1 changes nothing
//   kHue                                              shift of the colour wheel, -0.5 to 0.5
//   kPosterize                                        bits that stay, 0 to 8
//   kSolarize                                         bytes from this on are inverted, 0 to 255
//   kShearX, kShearY                                  tangent of the angle; fixed: the left upper
//                                                     corner
//   kTranslateX, kTranslateY                          whole pixels; what comes in is black
//   kRotate                                           degrees, counter-clockwise around the centre
//   kIdentity, kAutoContrast, kEqualize               nothing
// Shears, shifts and turns take the nearest pixel. Source: Pillow's ImageEnhance, ImageOps and
// Image.transform. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

namespace catamaran {

enum class PixelOpKind {
  kIdentity,
  kShearX,
  kShearY,
  kTranslateX,
  kTranslateY,
  kRotate,
  kBrightness,
  kSaturation,
  kContrast,
  kSharpness,
  kPosterize,
  kSolarize,
  kAutoContrast,
  kEqualize,
  kHue,
};

struct PixelOp {
  PixelOpKind kind = PixelOpKind::kIdentity;
  double value = 0;
};

// Rows of RGB, one directly after the other; owned by the caller.
struct RgbPixels {
  uint8_t* data = nullptr;
  int64_t height = 0;
  int64_t width = 0;

  int64_t bytes() const { return height * width * 3; }
};

class PixelOps {
 public:
  void apply(const PixelOp& op, RgbPixels image);

 private:
  const uint8_t* copy_of(RgbPixels image);
  void sharpen(float factor, RgbPixels image);

  std::vector<uint8_t> copy_;  // of a picture, for what reads its neighbours
};

}  // namespace catamaran
