// JpegSegments: a JPEG with restart markers (ITU T.81, B.2.1 and E.2.4) is coded in segments that
// can be read without one another. Where each row of its blocks consists of whole segments, a part
// of the picture is a JPEG of its own, written here by copying those that cover it: nothing else of
// the file is then decoded.
//
//   JpegSegments segments;                                         // one per decoder
//   if (segments.open(jpeg, layout)) {
//     const std::optional<PixelWindow> part = segments.cut({.left = 100, ...});
//     ... segments.part() is a JPEG of those pixels
//   }
//
// The codes themselves are not looked at: damage in a segment shows when it is decoded. Pixels near
// an edge of the part that is none of the picture's may differ from the picture's own, since
// chroma is smoothed across blocks: ask for a margin. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataio/pixel_window.h"

namespace catamaran {

// What a reader of the file's header knows.
struct JpegLayout {
  ImageSize size;
  int32_t block_width = 0;  // of the blocks that are coded together (an MCU), pixels
  int32_t block_height = 0;
  int64_t restart_interval = 0;  // blocks from one restart marker to the next; 0: there are none
  bool is_one_scan = false;      // sequential Huffman codes, all components interleaved
  size_t codes = 0;              // where the entropy-coded data begins, bytes
};

class JpegSegments {
 public:
  // False for a file that cannot be cut. jpeg must outlive the cut() that follows.
  bool open(std::span<const uint8_t> jpeg, const JpegLayout& layout);
  // The least part of the picture of whole segments that holds the window. None where that would
  // save nothing, and where the markers are not in order: what is wrong is found by who reads all.
  std::optional<PixelWindow> cut(const PixelWindow& window);
  std::span<const uint8_t> part() const { return part_; }

 private:
  bool copy_header();
  std::span<const uint8_t> next_segment();

  std::span<const uint8_t> jpeg_;
  JpegLayout layout_;
  int64_t segments_per_row_ = 0;
  size_t at_ = 0;  // the next segment's first byte
  int64_t passed_ = 0;
  size_t frame_ = 0;  // in part_: where height and width stand
  std::vector<uint8_t> part_;
};

}  // namespace catamaran
