#include "drawing/png_file.h"

#include <png.h>

#include <string_view>
#include <vector>

#include "support/assert.h"
#include "support/atomic_file.h"

namespace catamaran {

void write_png(const std::filesystem::path& path, const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width());
  image.height = static_cast<png_uint_32>(picture.height());
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<char> encoded(bytes);
  const int done = png_image_write_to_memory(&image, encoded.data(), &bytes, 0,
                                             picture.rgb().data(), 0, nullptr);
  CATAMARAN_ASSERT(done != 0, "the buffer has the size that libpng asks for");
  write_file_atomically(path, std::string_view(encoded.data(), bytes), ErrorKind::kUsage);
}

}  // namespace catamaran
