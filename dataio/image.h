// Decode one JPEG and bring a region of it to a square, the way PIL does it bit for bit:
// Image.open(f).convert("RGB").resize(canvas, BILINEAR, box=region), of that a square, then
// mirrored on demand.
//
//   ImageDecoder decoder;                                              // one per worker thread
//   decoder.decode(jpeg, whole_image(size), 448, out, "000012");       // out: 448 x 448 x 3 bytes
//
// Grayscale is replicated, CMYK converted as PIL does, EXIF orientation is not applied. Errors:
// DataError with the image's name for a JPEG that is damaged, truncated, no JPEG at all or over
// kLargestPixels. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataio/augment.h"
#include "dataio/jpeg_decoder.h"

namespace catamaran {

constexpr int64_t kLargestPixels = int64_t{1} << 28;

// kFast: a crop at least twice as large as its square is decoded at a half, quarter or eighth of
// its size and resized from there, never from fewer pixels than the square's: on photographs 1.5
// levels of 255 away in the mean, 6 in the worst one (tests/dataio/image_test.cpp holds it to
// that), and most of the decoder's arithmetic saved. Where no crop is that large it is kExact.
enum class Exactness { kExact, kFast };
Exactness exactness_of(const std::string& name);  // "exact", "fast"; UsageError

struct RgbImage {
  ImageSize size;
  std::vector<uint8_t> pixels;  // height x width x 3
};

// Header only: size, and DataError for what cannot be decoded later.
ImageSize read_jpeg_size(std::span<const uint8_t> jpeg, const std::string& name);

class ImageDecoder {
 public:
  ImageDecoder();
  ~ImageDecoder();
  ImageDecoder(ImageDecoder&&) noexcept;
  ImageDecoder& operator=(ImageDecoder&&) noexcept;

  void decode(std::span<const uint8_t> jpeg, const Placement& placement, int64_t size, uint8_t* out,
              const std::string& name, Exactness exactness = Exactness::kExact);
  // The same of pixels that are decoded already, RGB of the size given.
  void resize(std::span<const uint8_t> rgb, ImageSize source, const Placement& placement,
              int64_t size, uint8_t* out);
  // Decodes everything and keeps nothing: DataError where decode_whole() throws one.
  void verify(std::span<const uint8_t> jpeg, const std::string& name);
  RgbImage decode_whole(std::span<const uint8_t> jpeg, const std::string& name);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace catamaran
