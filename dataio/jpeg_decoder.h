// JpegDecoder: a window of a JPEG as rows of RGBX, the same bytes whichever window is asked for,
// and the same as PIL's Image.open(f).convert("RGB"): accurate integer IDCT, smooth chroma
// upsampling, gray replicated, CMYK inverted and converted, EXIF orientation not applied.
//
//   JpegDecoder decoder;                                          // one per worker thread
//   ImageSize size = decoder.open(jpeg, "000012");                // header
//   PixelView view = decoder.decode({.left = 0, .top = 100, .right = 640, .bottom = 400});
//
// Only the rows and columns of the window are transformed; the entropy-coded data before its end
// has to be read in any case, unless restart markers let those of other blocks be passed over
// (dataio/jpeg_segments.h): what is damaged in them is then not seen. Errors: DataError with the
// image's name for a file that is damaged, truncated, no JPEG, of a kind libjpeg does not know, or
// over kLargestPixels (of a progressive file libjpeg holds the coefficients, up to 6 bytes a
// pixel), or in more than 500 scans. What libjpeg merely warns of is damage too, except for what
// leaves no doubt about the pixels (bytes between markers, odd version numbers). One thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "dataio/pixel_window.h"

namespace catamaran {

// Pixels of a window: red, green, blue, and anything where there is a fourth byte. One more row and
// kViewSlack bytes after the last row may be read. A decoder's are valid until it is used again.
struct PixelView {
  PixelWindow window;
  const uint8_t* pixels = nullptr;  // of (left, top)
  int64_t row_bytes = 0;
  int32_t bytes_per_pixel = 4;  // or 3
};
constexpr int64_t kViewSlack = 64;

// "libjpeg-turbo 2.1.5 (compiled with)"
std::string decoder_version();

class JpegDecoder {
 public:
  JpegDecoder();
  ~JpegDecoder();
  JpegDecoder(JpegDecoder&&) noexcept;
  JpegDecoder& operator=(JpegDecoder&&) noexcept;

  // Reads the header; jpeg must outlive the decode() that follows.
  ImageSize open(std::span<const uint8_t> jpeg, const std::string& name);
  // Between open() and decode(): the picture is decoded to 1 / denominator (1, 2, 4 or 8) of its
  // size in each direction, which is the size returned; windows are of that picture then.
  ImageSize shrink(int32_t denominator);
  // Once after each open(). The window must be part of the image and not empty.
  PixelView decode(const PixelWindow& window);
  PixelView decode_whole();
  // After open(): width of the blocks that are coded together (an MCU), pixels.
  int32_t block_width() const;
  // In place of decode(): reads all the coded data and refuses what decode() of the whole image
  // refuses, in less time and, but for progressive files, in the memory of a few rows.
  void verify();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace catamaran
