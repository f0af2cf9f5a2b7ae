#include "dataio/image.h"

#include <algorithm>

#include "dataio/jpeg_decoder.h"
#include "dataio/resize.h"
#include "dataio/sample_fault.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {

struct ImageDecoder::State {
  JpegDecoder decoder;
  Resizer resizer;
  std::vector<uint8_t> with_slack;  // pixels and room to read behind them
};

ImageSize read_jpeg_size(std::span<const uint8_t> jpeg, const std::string& name) {
  return JpegDecoder().open(jpeg, name);
}

Exactness exactness_of(const std::string& name) {
  if (name == "exact") return Exactness::kExact;
  if (name == "fast") return Exactness::kFast;
  throw UsageError("'" + name + "' is no way to decode", "data.decode", "use exact or fast");
}

ImageDecoder::ImageDecoder() : state_(std::make_unique<State>()) {}
ImageDecoder::~ImageDecoder() = default;
ImageDecoder::ImageDecoder(ImageDecoder&&) noexcept = default;
ImageDecoder& ImageDecoder::operator=(ImageDecoder&&) noexcept = default;

namespace {

// How far the decoder may shrink the image so that the crop keeps the pixels that are wanted of it.
int32_t shrinking(const Placement& placement, int64_t size) {
  const auto side = static_cast<int32_t>(size);
  const ImageSize canvas =
      placement.canvas.width > 0 ? placement.canvas : ImageSize{.height = side, .width = side};
  const Region& region = placement.region;
  const double scale = std::min((region.right - region.left) / canvas.width,
                                (region.bottom - region.top) / canvas.height);
  if (scale >= 8) return 8;
  if (scale >= 4) return 4;
  return scale >= 2 ? 2 : 1;
}

Placement shrunk(Placement placement, int32_t denominator) {
  placement.region.left /= denominator;
  placement.region.top /= denominator;
  placement.region.right /= denominator;
  placement.region.bottom /= denominator;
  return placement;
}

}  // namespace

void ImageDecoder::decode(std::span<const uint8_t> jpeg, const Placement& placement, int64_t size,
                          uint8_t* out, const std::string& name, Exactness exactness) {
  const ImageSize source = state_->decoder.open(jpeg, name);
  const Region& region = placement.region;
  if (region.right > source.width || region.bottom > source.height) {
    throw SampleError("the JPEG is " + std::to_string(source.width) + " x " +
                          std::to_string(source.height) + " pixels, less than the pack says",
                      "image " + name, "check the pack with `catamaran check`", SampleFault::kSize);
  }
  const int32_t denominator = exactness == Exactness::kFast ? shrinking(placement, size) : 1;
  const ImageSize decoded = denominator > 1 ? state_->decoder.shrink(denominator) : source;
  const PixelWindow window = state_->resizer.plan(decoded, shrunk(placement, denominator), size);
  state_->resizer.run(state_->decoder.decode(window), out);
}

void ImageDecoder::resize(std::span<const uint8_t> rgb, ImageSize source,
                          const Placement& placement, int64_t size, uint8_t* out) {
  const int64_t row_bytes = int64_t{source.width} * 3;
  CATAMARAN_ASSERT(std::ssize(rgb) == row_bytes * source.height, "pixels of the size given");
  const PixelWindow window = state_->resizer.plan(source, placement, size);
  // The passes read some bytes behind the rows that they need; the last rows have none behind them.
  const int64_t needed = window.bottom * row_bytes + row_bytes + kViewSlack;
  const uint8_t* pixels = rgb.data();
  if (needed > std::ssize(rgb)) {
    state_->with_slack.resize(static_cast<size_t>(needed));
    std::copy(rgb.begin(), rgb.end(), state_->with_slack.begin());
    pixels = state_->with_slack.data();
  }
  const PixelWindow whole = {.left = 0, .top = 0, .right = source.width, .bottom = source.height};
  state_->resizer.run(
      {.window = whole, .pixels = pixels, .row_bytes = row_bytes, .bytes_per_pixel = 3}, out);
}

void ImageDecoder::verify(std::span<const uint8_t> jpeg, const std::string& name) {
  state_->decoder.open(jpeg, name);
  state_->decoder.verify();
}

RgbImage ImageDecoder::decode_whole(std::span<const uint8_t> jpeg, const std::string& name) {
  state_->decoder.open(jpeg, name);
  const PixelView view = state_->decoder.decode_whole();
  const ImageSize size = {.height = view.window.bottom, .width = view.window.right};
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
