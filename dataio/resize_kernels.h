// The two passes of dataio/resize.h in vector instructions, the best the processor has. Sums are
// integers, so every processor gives the same bytes. Thread-safe.
#pragma once

#include <cstdint>

#include "dataio/resize.h"

namespace catamaran {

constexpr int64_t kRowSlack = 64;  // bytes after a row of RGB that a pass may read or write

// One row of RGBX (pixel `table.begin` at `in`) to table.output pixels of RGB; reversed when
// mirrored. Writes up to kRowSlack bytes more. Reads up to 12 bytes more than the input.
void resize_columns(const FilterTable& table, bool mirrored, const uint8_t* in, uint8_t* out);

// out[i] = weighted sum of in[i], in[i + row_bytes], ... over `taps` rows, for i in [0, bytes).
void blend_rows(const uint8_t* in, int64_t row_bytes, const int16_t* high, const int16_t* low,
                int32_t taps, int64_t bytes, uint8_t* out);

}  // namespace catamaran
