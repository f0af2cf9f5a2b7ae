#include "trainer/png_file.h"

#include <png.h>

#include <string_view>
#include <vector>

#include "support/assert.h"
#include "support/atomic_file.h"

namespace catamaran {

void write_png(const std::filesystem::path& path, int64_t width, int64_t height,
               std::span<const uint8_t> rgb) {
  CATAMARAN_ASSERT(static_cast<int64_t>(rgb.size()) == width * height * 3,
                   "the caller made the picture of this size");
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<char> encoded(bytes);
  const int done =
      png_image_write_to_memory(&image, encoded.data(), &bytes, 0, rgb.data(), 0, nullptr);
  CATAMARAN_ASSERT(done != 0, "the buffer has the size that libpng asks for");
  write_file_atomically(path, std::string_view(encoded.data(), bytes), ErrorKind::kUsage);
}

}  // namespace catamaran
