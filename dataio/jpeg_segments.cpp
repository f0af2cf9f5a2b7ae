#include "dataio/jpeg_segments.h"

#include <algorithm>
#include <cstring>

namespace catamaran {
namespace {

// Second bytes of markers, after 0xFF (ITU T.81, table B.1).
constexpr uint8_t kStartOfScan = 0xDA;
constexpr uint8_t kEndOfImage = 0xD9;
constexpr uint8_t kFirstRestart = 0xD0;  // to 0xD7, in turn
constexpr uint8_t kComment = 0xFE;
constexpr uint8_t kFirstApplication = 0xE0;
constexpr uint8_t kLastApplication = 0xEF;
constexpr uint8_t kAdobe = 0xEE;

bool is_frame(uint8_t marker) { return marker == 0xC0 || marker == 0xC1; }  // sequential Huffman
// JFIF and Adobe say what the colours are; the rest are thumbnails, profiles and places.
bool is_for_others(uint8_t marker) {
  const bool tells_colours = marker == kFirstApplication || marker == kAdobe;
  const bool is_application = marker >= kFirstApplication && marker <= kLastApplication;
  return marker == kComment || (is_application && !tells_colours);
}

int64_t blocks(int32_t pixels, int32_t block) { return (int64_t{pixels} + block - 1) / block; }

void put_16_bits(uint8_t* at, int32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

}  // namespace

bool JpegSegments::open(std::span<const uint8_t> jpeg, const JpegLayout& layout) {
  jpeg_ = jpeg;
  layout_ = layout;
  at_ = layout.codes;
  passed_ = 0;
  if (!layout.is_one_scan || layout.restart_interval <= 0) return false;
  const int64_t per_row = blocks(layout.size.width, layout.block_width);
  if (per_row % layout.restart_interval != 0) return false;
  segments_per_row_ = per_row / layout.restart_interval;
  return true;
}

// Everything before the codes that a decoder needs.
bool JpegSegments::copy_header() {
  const auto begin = jpeg_.begin();
  part_.assign(begin, begin + 2);
  frame_ = 0;
  size_t at = 2;
  while (at + 4 <= layout_.codes && jpeg_[at] == 0xFF) {
    const uint8_t marker = jpeg_[at + 1];
    const size_t next = at + 2 + size_t{jpeg_[at + 2]} * 256 + jpeg_[at + 3];
    if (next > layout_.codes) return false;
    if (is_frame(marker)) frame_ = part_.size() + 5;  // marker, length, precision
    if (!is_for_others(marker))
      part_.insert(part_.end(), begin + static_cast<std::ptrdiff_t>(at),
                   begin + static_cast<std::ptrdiff_t>(next));
    at = next;
    if (marker == kStartOfScan) return at == layout_.codes && frame_ > 0;
  }
  return false;
}

// Without the marker behind it; empty where that is not the one that is due.
std::span<const uint8_t> JpegSegments::next_segment() {
  const size_t begin = at_;
  const uint8_t* const end = jpeg_.data() + jpeg_.size();
  for (const uint8_t* p = jpeg_.data() + at_; p + 1 < end; ++p) {
    p = static_cast<const uint8_t*>(std::memchr(p, 0xFF, static_cast<size_t>(end - 1 - p)));
    if (p == nullptr) break;
    if (p[1] == 0) continue;  // a byte of the codes
    const int64_t segments = segments_per_row_ * blocks(layout_.size.height, layout_.block_height);
    const bool is_due =
        passed_ + 1 == segments ? p[1] == kEndOfImage : p[1] == kFirstRestart + passed_ % 8;
    if (!is_due) break;
    at_ = static_cast<size_t>(p + 2 - jpeg_.data());
    ++passed_;
    return jpeg_.subspan(begin, at_ - 2 - begin);
  }
  return {};
}

std::optional<PixelWindow> JpegSegments::cut(const PixelWindow& window) {
  const auto segment_width = static_cast<int32_t>(layout_.restart_interval * layout_.block_width);
  const int64_t first_column = window.left / segment_width;
  const int64_t last_column = blocks(window.right, segment_width);
  const int64_t first_row = window.top / layout_.block_height;
  const int64_t last_row = blocks(window.bottom, layout_.block_height);
  const bool has_all_columns = first_column == 0 && last_column == segments_per_row_;
  if (has_all_columns && first_row == 0) return std::nullopt;  // rows below are not read anyway
  if (!copy_header()) return std::nullopt;

  uint8_t number = 0;
  for (int64_t row = 0; row < last_row; ++row) {
    for (int64_t column = 0; column < segments_per_row_; ++column) {
      const std::span<const uint8_t> codes = next_segment();
      if (codes.empty()) return std::nullopt;
      if (row < first_row || column < first_column || column >= last_column) continue;
      part_.insert(part_.end(), codes.begin(), codes.end());
      part_.push_back(0xFF);
      part_.push_back(static_cast<uint8_t>(kFirstRestart + number++ % 8));
    }
  }
  part_.back() = kEndOfImage;

  const PixelWindow part = {
      .left = static_cast<int32_t>(first_column) * segment_width,
      .top = static_cast<int32_t>(first_row) * layout_.block_height,
      .right = std::min(static_cast<int32_t>(last_column) * segment_width, layout_.size.width),
      .bottom =
          std::min(static_cast<int32_t>(last_row) * layout_.block_height, layout_.size.height)};
  put_16_bits(&part_[frame_], part.bottom - part.top);
  put_16_bits(&part_[frame_ + 2], part.right - part.left);
  return part;
}

}  // namespace catamaran
