#include "dataio/image.h"

#include <algorithm>

#include "dataio/jpeg_decoder.h"
#include "dataio/resize.h"
#include "support/error.h"

namespace catamaran {

struct ImageDecoder::State {
  JpegDecoder decoder;
  Resizer resizer;
};

ImageSize read_jpeg_size(std::span<const uint8_t> jpeg, const std::string& name) {
  return JpegDecoder().open(jpeg, name);
}

ImageDecoder::ImageDecoder() : state_(std::make_unique<State>()) {}
ImageDecoder::~ImageDecoder() = default;
ImageDecoder::ImageDecoder(ImageDecoder&&) noexcept = default;
ImageDecoder& ImageDecoder::operator=(ImageDecoder&&) noexcept = default;

void ImageDecoder::decode(std::span<const uint8_t> jpeg, const Placement& placement, int64_t size,
                          uint8_t* out, const std::string& name) {
  const ImageSize source = state_->decoder.open(jpeg, name);
  const Region& region = placement.region;
  if (region.right > source.width || region.bottom > source.height) {
    throw DataError("the JPEG is " + std::to_string(source.width) + " x " +
                        std::to_string(source.height) + " pixels, less than the pack says",
                    "image " + name, "check the pack with `catamaran check`");
  }
  const PixelWindow window = state_->resizer.plan(source, placement, size);
  state_->resizer.run(state_->decoder.decode(window), out);
}

RgbImage ImageDecoder::decode_whole(std::span<const uint8_t> jpeg, const std::string& name) {
  const ImageSize size = state_->decoder.open(jpeg, name);
  const PixelView view =
      state_->decoder.decode({.left = 0, .top = 0, .right = size.width, .bottom = size.height});
  RgbImage image{.size = size, .pixels = {}};
  image.pixels.resize(static_cast<size_t>(size.height) * static_cast<size_t>(size.width) * 3);
  uint8_t* to = image.pixels.data();
  for (int64_t y = 0; y < size.height; ++y) {
    const uint8_t* row = view.pixels + y * view.row_bytes;
    for (int64_t x = 0; x < size.width; ++x, to += 3) std::copy_n(row + x * 4, 3, to);
  }
  return image;
}

}  // namespace catamaran
