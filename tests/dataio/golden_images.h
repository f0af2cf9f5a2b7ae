// JPEG files and what PIL decodes of them, which tests/golden/dataio_image.py wrote.
#pragma once

#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dataio/image.h"
#include "dataio/jpeg_decoder.h"
#include "golden_file.h"
#include "support/json.h"
#include "support/philox.h"

namespace catamaran {

using Bytes = std::vector<uint8_t>;

inline Bytes read_file(const std::string& name) { return golden_bytes("image/" + name); }

inline const nlohmann::json& golden() {
  static const nlohmann::json root =
      read_json_file(golden_path("image/cases.json"), ErrorKind::kData);
  return root;
}

// The file as PIL decodes it.
inline RgbImage golden_image(const nlohmann::json& file) {
  return {.size = {.height = file["height"], .width = file["width"]},
          .pixels = read_file(file["name"].get<std::string>() + ".rgb")};
}

// flags: of TurboJPEG.
inline Bytes subsampled_jpeg(const RgbImage& picture, int subsampling, int flags) {
  // One encoder a file: TurboJPEG 2.1 leaves a progressive file's Huffman tables to the next.
  const std::unique_ptr<void, int (*)(void*)> encoder(tjInitCompress(), tjDestroy);
  unsigned char* bytes = nullptr;
  unsigned long count = 0;
  EXPECT_EQ(tjCompress2(encoder.get(), picture.pixels.data(), picture.size.width, 0,
                        picture.size.height, TJPF_RGB, &bytes, &count, subsampling, 80, flags),
            0);
  const Bytes jpeg(bytes, bytes + count);
  tjFree(bytes);
  return jpeg;
}

// Random windows of a JPEG hold the pixels that the whole image (RGB) has there.
inline void expect_windows_of(const Bytes& jpeg, const RgbImage& whole, const std::string& name) {
  JpegDecoder decoder;
  PhiloxStream random(7, Purpose::kAugment, 0, 0);
  const auto width = static_cast<uint32_t>(whole.size.width);
  const auto height = static_cast<uint32_t>(whole.size.height);
  for (int round = 0; round < 40; ++round) {
    const auto left = static_cast<int32_t>(random.below(width));
    const auto top = static_cast<int32_t>(random.below(height));
    const PixelWindow window{
        .left = left,
        .top = top,
        .right = left + 1 + static_cast<int32_t>(random.below(width - static_cast<uint32_t>(left))),
        .bottom =
            top + 1 + static_cast<int32_t>(random.below(height - static_cast<uint32_t>(top)))};
    decoder.open(jpeg, name);
    const PixelView view = decoder.decode(window);
    int64_t different = 0;
    for (int64_t y = window.top; y < window.bottom; ++y) {
      for (int64_t x = window.left; x < window.right; ++x) {
        const uint8_t* got =
            view.pixels + (y - window.top) * view.row_bytes + (x - window.left) * 4;
        const uint8_t* want = whole.pixels.data() + (y * width + x) * 3;
        different += std::equal(got, got + 3, want) ? 0 : 1;
      }
    }
    ASSERT_EQ(different, 0) << name << " columns " << window.left << " to " << window.right
                            << ", rows " << window.top << " to " << window.bottom;
  }
}

}  // namespace catamaran
