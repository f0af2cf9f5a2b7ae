#include "drawing/thumbnail.h"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <vector>

#include "support/assert.h"
#include "support/error.h"
#include "support/handle.h"

namespace catamaran {
namespace {

constexpr uint64_t kMostPixels = uint64_t{64} << 20;
constexpr int kQuality = 82;

struct CompressorTraits {
  using type = tjhandle;
  static constexpr type empty() { return nullptr; }
  static void close(type compressor) noexcept { tjDestroy(compressor); }
};

// libpng's own memory of an image that is being read.
struct PngImage {
  png_image image{};

  PngImage() { image.version = PNG_IMAGE_VERSION; }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
  ~PngImage() { png_image_free(&image); }
};

[[noreturn]] void refuse(const std::string& why, const std::string& where) {
  throw UsageError("is not a PNG picture" + why, where, "run `catamaran explain` again");
}

// The channel's mean over a rectangle of the picture, rounded.
uint8_t mean_of(const Picture& picture, const Rectangle& area, size_t channel) {
  const std::span<const uint8_t> rgb = picture.rgb();
  int64_t sum = 0;
  for (int64_t y = area.top; y < area.top + area.height; ++y) {
    const auto row = static_cast<size_t>((y * picture.width() + area.left) * 3);
    for (size_t x = 0; x < static_cast<size_t>(area.width); ++x) sum += rgb[row + 3 * x + channel];
  }
  const int64_t pixels = area.width * area.height;
  return static_cast<uint8_t>((sum + pixels / 2) / pixels);
}

std::string encoded(const Picture& picture) {
  const Handle<CompressorTraits> compressor(tjInitCompress());
  CATAMARAN_ASSERT(compressor.get() != nullptr, "there is memory for a compressor");
  const auto width = static_cast<int>(picture.width());
  const auto height = static_cast<int>(picture.height());
  std::string jpeg(tjBufSize(width, height, TJSAMP_420), '\0');
  auto* to = reinterpret_cast<unsigned char*>(jpeg.data());
  unsigned long bytes = jpeg.size();
  const int failed = tjCompress2(compressor.get(), picture.rgb().data(), width, 0, height, TJPF_RGB,
                                 &to, &bytes, TJSAMP_420, kQuality, TJFLAG_NOREALLOC);
  CATAMARAN_ASSERT(failed == 0, "the buffer has the size that the library asks for");
  jpeg.resize(bytes);
  return jpeg;
}

}  // namespace

Picture read_png(std::string_view png, const std::string& where) {
  PngImage reading;
  if (png_image_begin_read_from_memory(&reading.image, png.data(), png.size()) == 0)
    refuse(std::string(": ") + reading.image.message, where);
  const uint64_t pixels = uint64_t{reading.image.width} * reading.image.height;
  if (pixels == 0 || pixels > kMostPixels) refuse(" of a size that is shown", where);
  reading.image.format = PNG_FORMAT_RGB;
  std::vector<uint8_t> rgb(pixels * 3);
  constexpr png_color kWhiteGround{255, 255, 255};
  if (png_image_finish_read(&reading.image, &kWhiteGround, rgb.data(), 0, nullptr) == 0)
    refuse(std::string(": ") + reading.image.message, where);
  return {static_cast<int64_t>(reading.image.width), static_cast<int64_t>(reading.image.height),
          rgb};
}

Picture scaled_down(const Picture& picture, int64_t longest_side) {
  CATAMARAN_ASSERT(longest_side > 0, "something is left");
  const int64_t longest = std::max(picture.width(), picture.height());
  if (longest <= longest_side) return picture;
  const auto scaled = [&](int64_t side) {
    return std::max<int64_t>(1, (side * longest_side + longest / 2) / longest);
  };
  const int64_t width = scaled(picture.width()), height = scaled(picture.height());
  std::vector<uint8_t> rgb;
  rgb.reserve(static_cast<size_t>(width * height * 3));
  for (int64_t y = 0; y < height; ++y) {
    const int64_t top = y * picture.height() / height;
    const int64_t bottom = std::max(top + 1, (y + 1) * picture.height() / height);
    for (int64_t x = 0; x < width; ++x) {
      const int64_t left = x * picture.width() / width;
      const int64_t right = std::max(left + 1, (x + 1) * picture.width() / width);
      for (size_t c = 0; c < 3; ++c)
        rgb.push_back(mean_of(picture, {left, top, right - left, bottom - top}, c));
    }
  }
  return {width, height, rgb};
}

Thumbnail thumbnail(std::string_view png, int64_t longest_side, const std::string& where) {
  const Picture small = scaled_down(read_png(png, where), longest_side);
  return {encoded(small), small.width(), small.height()};
}

}  // namespace catamaran
