// The two passes of dataio/resize.h in vector instructions, the best the processor has. Sums are
// integers, so every processor gives the same bytes. Thread-safe.
#pragma once

#include <cstdint>

#include "dataio/resize.h"

namespace catamaran {

// Rows of RGBX (from pixel `begin` of the table) to rows of RGB. Reads up to 12 bytes more than a
// row's input.
struct RowBlock {
  const uint8_t* in = nullptr;
  int64_t in_row_bytes = 0;
  uint8_t* out = nullptr;
  int64_t out_row_bytes = 0;
  int64_t count = 0;
};

// Each row to table.output pixels, reversed when mirrored.
void resize_columns(const FilterTable& table, bool mirrored, const RowBlock& rows);

// out[i] = weighted sum of in[i], in[i + row_bytes], ... over `taps` rows (an even number), for i
// in [0, bytes).
void blend_rows(const uint8_t* in, int64_t row_bytes, const int16_t* weights, int32_t taps,
                int64_t bytes, uint8_t* out);

}  // namespace catamaran
