#include "made_jpeg.h"

#include <turbojpeg.h>

#include <stdexcept>

namespace catamaran {

std::vector<uint8_t> made_jpeg(int width, int height, uint8_t red, uint8_t green, uint8_t blue) {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < width * height; ++i) pixels.insert(pixels.end(), {red, green, blue});
  const tjhandle compressor = tjInitCompress();
  unsigned char* jpeg = nullptr;
  unsigned long bytes = 0;
  const int result = tjCompress2(compressor, pixels.data(), width, 0, height, TJPF_RGB, &jpeg,
                                 &bytes, TJSAMP_444, 95, 0);
  std::vector<uint8_t> made(jpeg, jpeg + bytes);
  tjFree(jpeg);
  tjDestroy(compressor);
  if (result != 0) throw std::runtime_error("turbojpeg cannot write the test's picture");
  return made;
}

}  // namespace catamaran
