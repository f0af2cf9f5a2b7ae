#include "dataio/packed_image.h"

#include <algorithm>
#include <utility>

#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/hash.h"

namespace catamaran {
namespace {

constexpr int64_t kLargestJpegBytes = int64_t{256} << 20;  // of one file
constexpr size_t kTailBytes = size_t{64} * 1024;

// The end-of-image marker, perhaps before padding: a cut file has none.
bool has_end_marker(const std::vector<uint8_t>& jpeg) {
  const size_t tail = std::min(jpeg.size(), kTailBytes);
  for (size_t i = jpeg.size(); i-- > jpeg.size() - tail + 1;) {
    if (jpeg[i] == 0xD9 && jpeg[i - 1] == 0xFF) return true;
  }
  return false;
}

std::string name_of(const ImportedImage& image) {
  return image.pack == nullptr ? image.file.string()
                               : image.pack->folder().string() + ": " + image.pack->id(image.at);
}

}  // namespace

void ImageIntake::read(const ImportedImage& image, PackedImage& packed) {
  if (image.pack != nullptr) return image.pack->read_image(image.at, packed.bytes);
  std::error_code code;
  if (!std::filesystem::is_regular_file(image.file, code)) {
    packed.problem = image.file.string() + ": there is no such file";
    return;
  }
  const FileDescriptor file = open_for_reading(image.file);
  const int64_t bytes = file_bytes(file, image.file);
  if (bytes > kLargestJpegBytes) {
    packed.problem = image.file.string() + ": " + std::to_string(bytes) +
                     " bytes are no photograph (at most " + std::to_string(kLargestJpegBytes) + ")";
    return;
  }
  packed.bytes.resize(static_cast<size_t>(bytes));
  read_exactly_at(file, 0, packed.bytes.data(), bytes, image.file);
}

// Sets size, and in place of a JPEG its pixels where those are packed.
void ImageIntake::judge(const ImportedImage& image, PackedImage& packed) {
  if (image.pack != nullptr) packed.size = image.pack->size(image.at);
  const bool is_ready = image.pack != nullptr && image.pack->pixels() == options_.pixels;
  if (is_ready && !options_.restart_markers) return;
  const std::string name = name_of(image);
  packed.size = read_jpeg_size(packed.bytes, name);
  if (options_.pixels > 0) {
    std::vector<uint8_t> square(static_cast<size_t>(options_.pixels * options_.pixels * 3));
    decoder_.decode(packed.bytes, whole_image(packed.size), options_.pixels, square.data(), name);
    packed.bytes = std::move(square);
  } else if (options_.restart_markers && markers_.add(packed.bytes, name)) {
    packed.bytes = markers_.result();
  } else if (options_.decode) {
    decoder_.verify(packed.bytes, name);
  } else if (!has_end_marker(packed.bytes)) {
    packed.problem = name + ": the file is cut short (no end marker)";
  }
}

PackedImage ImageIntake::take(const ImportedImage& image) {
  PackedImage packed;
  try {
    read(image, packed);
    packed.checksum = xxh3(packed.bytes.data(), packed.bytes.size());
    packed.file = image.pack != nullptr ? image.pack->picture(image.at)
                                        : PictureKey{packed.checksum, std::ssize(packed.bytes)};
    if (packed.problem.empty()) judge(image, packed);
    if (options_.pixels > 0 || options_.restart_markers)
      packed.checksum = xxh3(packed.bytes.data(), packed.bytes.size());
  } catch (const DataError& error) {
    packed.problem = error.what();
  }
  if (!packed.problem.empty()) std::vector<uint8_t>().swap(packed.bytes);  // they may be many
  return packed;
}

int64_t packed_bytes(const ImportedImage& image, const IntakeOptions& options) {
  if (options.pixels > 0) return options.pixels * options.pixels * 3;
  if (image.pack != nullptr) return image.pack->image_bytes(image.at);
  std::error_code code;
  const auto bytes = std::filesystem::file_size(image.file, code);
  // What is not there or too large is told when it is read, with all others.
  const bool is_told = code || static_cast<int64_t>(bytes) > kLargestJpegBytes;
  return is_told ? 0 : static_cast<int64_t>(bytes);
}

}  // namespace catamaran
