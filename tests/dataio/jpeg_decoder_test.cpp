#include "dataio/jpeg_decoder.h"

#include <gtest/gtest.h>

#include <vector>

#include "made_jpeg.h"
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

}  // namespace
}  // namespace catamaran
