#include "dataio/jpeg_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataio/sample_fault.h"
#include "golden_images.h"
#include "made_jpeg.h"
#include "odd_jpeg.h"
#include "support/error.h"

namespace catamaran {
namespace {

// Without its segments of one kind: 0xDB, tables of quantisation; 0xC4, of Huffman codes.
std::vector<uint8_t> without(const std::vector<uint8_t>& jpeg, uint8_t kind) {
  std::vector<uint8_t> kept(jpeg.begin(), jpeg.begin() + 2);
  size_t at = 2;
  while (jpeg.at(at + 1) != 0xDA) {
    const size_t next = at + 2 + size_t{jpeg.at(at + 2)} * 256 + jpeg.at(at + 3);
    if (jpeg.at(at + 1) != kind)
      kept.insert(kept.end(), jpeg.begin() + static_cast<std::ptrdiff_t>(at),
                  jpeg.begin() + static_cast<std::ptrdiff_t>(next));
    at = next;
  }
  kept.insert(kept.end(), jpeg.begin() + static_cast<std::ptrdiff_t>(at), jpeg.end());
  return kept;
}

void decode(JpegDecoder& decoder, const std::vector<uint8_t>& jpeg) {
  const ImageSize size = decoder.open(jpeg, "made");
  decoder.decode({.left = 0, .top = 0, .right = size.width, .bottom = size.height});
}

TEST(JpegDecoder, TakesNoTablesFromTheImageBefore) {
  const std::vector<uint8_t> whole = made_jpeg(16, 16, 200, 100, 50);
  const std::vector<uint8_t> bare = without(whole, 0xDB);
  ASSERT_LT(bare.size(), whole.size());
  JpegDecoder decoder;
  EXPECT_THROW(decode(decoder, bare), DataError);
  EXPECT_NO_THROW(decode(decoder, whole));
  EXPECT_THROW(decode(decoder, bare), DataError);
  EXPECT_NO_THROW(decode(decoder, whole));
}

SampleFault fault_in(const std::vector<uint8_t>& file) {
  JpegDecoder decoder;
  try {
    decode(decoder, file);
  } catch (const DataError& problem) {
    return fault_of(problem);
  }
  ADD_FAILURE() << "it was decoded";
  return SampleFault::kRead;
}

TEST(JpegDecoder, TellsWhatIsWrongWithAFile) {
  const std::vector<uint8_t> whole = read_file("made-333x250-444.jpg");
  const std::vector<uint8_t> half(whole.begin(), whole.begin() + std::ssize(whole) / 2);
  const std::string gif = "GIF89a, and then some";
  EXPECT_EQ(fault_in({}), SampleFault::kTruncated);
  EXPECT_EQ(fault_in(half), SampleFault::kTruncated);
  EXPECT_EQ(fault_in({gif.begin(), gif.end()}), SampleFault::kFormat);
  EXPECT_EQ(fault_in(without(whole, 0xDB)), SampleFault::kFormat);
  EXPECT_EQ(fault_of(DataError("the disk does not answer", "shard", "")), SampleFault::kRead);
}

RgbImage noisy_picture() {
  return ImageDecoder().decode_whole(read_file("made-333x250-444.jpg"), "made-333x250-444");
}

std::vector<uint8_t> rows_of(const PixelView& view, const PixelWindow& window) {
  std::vector<uint8_t> rows;
  for (int64_t y = window.top; y < window.bottom; ++y) {
    for (int64_t x = window.left; x < window.right; ++x) {
      const uint8_t* pixel = view.pixels + (y - view.window.top) * view.row_bytes +
                             (x - view.window.left) * view.bytes_per_pixel;
      rows.insert(rows.end(), pixel, pixel + 3);
    }
  }
  return rows;
}

TEST(JpegDecoder, GivesTheSamePixelsOfAShrunkPictureWhicheverWindowIsAskedFor) {
  for (const auto& [h, v] : {std::pair(1, 1), {2, 1}, {2, 2}, {4, 1}, {4, 2}, {2, 4}}) {
    const std::vector<uint8_t> jpeg =
        odd_jpeg(noisy_picture(), {.h_samp = h, .v_samp = v, .partial = false});
    for (const int32_t denominator : {2, 4}) {
      JpegDecoder of_whole;
      of_whole.open(jpeg, "odd");
      const ImageSize size = of_whole.shrink(denominator);
      const PixelView whole =
          of_whole.decode({.left = 0, .top = 0, .right = size.width, .bottom = size.height});
      const PixelWindow window = {.left = size.width / 4,
                                  .top = size.height / 3,
                                  .right = size.width,
                                  .bottom = size.height - 5};
      JpegDecoder decoder;
      decoder.open(jpeg, "odd");
      decoder.shrink(denominator);
      EXPECT_TRUE(rows_of(decoder.decode(window), window) == rows_of(whole, window))
          << h << " x " << v << " at 1/" << denominator;
    }
  }
}

TEST(JpegDecoder, DoesSoForProgressiveFilesWithoutTheirLastRefinements) {
  for (const int samples : {1, 2}) {
    const std::vector<uint8_t> jpeg =
        odd_jpeg(noisy_picture(), {.h_samp = samples, .v_samp = samples, .partial = true});
    expect_windows_of(jpeg, ImageDecoder().decode_whole(jpeg, "partial"), "partial");
  }
}

}  // namespace
}  // namespace catamaran
