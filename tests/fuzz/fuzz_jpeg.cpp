// Fuzz target: any bytes as a JPEG. The decoder refuses them by DataError or gives pixels; what
// verify() accepts, decode_whole() gives, and a part of it is the same with restart markers.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "dataio/image.h"
#include "dataio/restart_markers.h"
#include "support/error.h"

namespace catamaran {
namespace {

bool is_verified(ImageDecoder& decoder, std::span<const uint8_t> jpeg) {
  try {
    decoder.verify(jpeg, "input");
    return true;
  } catch (const DataError&) {
    return false;
  }
}

// A square of a part of the image, as training asks for it.
std::vector<uint8_t> decode_part(ImageDecoder& decoder, std::span<const uint8_t> jpeg,
                                 ImageSize size) {
  Placement part = whole_image(size);
  part.region.left = size.width / 3;
  part.region.top = size.height / 4;
  std::vector<uint8_t> square(size_t{24} * 24 * 3);
  decoder.decode(jpeg, part, 24, square.data(), "input");
  return square;
}

// Larger ones are allowed (kLargestPixels: 1 GiB decoded), but a fuzzer learns nothing more of
// them.
constexpr int64_t kMostPixels = int64_t{1} << 24;

bool is_large(std::span<const uint8_t> jpeg) {
  try {
    const ImageSize size = read_jpeg_size(jpeg, "input");
    return int64_t{size.height} * size.width > kMostPixels;
  } catch (const DataError&) {
    return false;
  }
}

void read(std::span<const uint8_t> jpeg) {
  if (is_large(jpeg)) return;
  ImageDecoder decoder;
  const bool verified = is_verified(decoder, jpeg);
  try {
    const ImageSize size = read_jpeg_size(jpeg, "input");
    const RgbImage image = decoder.decode_whole(jpeg, "input");
    const auto bytes = static_cast<size_t>(int64_t{size.height} * size.width * 3);
    if (!verified || image.pixels.size() != bytes) std::abort();
    const std::vector<uint8_t> part = decode_part(decoder, jpeg, size);
    RestartMarkers markers;
    if (markers.add(jpeg, "input") && decode_part(decoder, markers.result(), size) != part)
      std::abort();
  } catch (const DataError& error) {
    if (verified) {
      std::fputs(error.what(), stderr);
      std::abort();
    }
  }
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  catamaran::read({data, size});
  return 0;
}
