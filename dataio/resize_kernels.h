// The two passes of dataio/resize.h in vector instructions, the best the processor has. Sums are
// integers, so every processor gives the same bytes. Thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "dataio/filter_table.h"

namespace catamaran {

// Weights and places of the pass across in the order in which the processor's vectors take them.
struct ColumnPlan {
  int32_t output = 0;
  int32_t pairs = 0;            // of taps
  int32_t bytes_per_pixel = 0;  // of the input: 4 (RGBX) or 3 (RGB)
  std::vector<int32_t> places;  // of an output's first tap, bytes
  std::vector<int16_t> weights;
};

// mirrored: output i is the table's output - 1 - i. Reuses what `plan` has allocated.
void plan_columns(const FilterTable& table, bool mirrored, int32_t bytes_per_pixel,
                  ColumnPlan& plan);

// Rows of pixels (from pixel `begin` of the table) to rows of RGB. Reads up to kColumnSlack bytes
// more than a row's input.
constexpr int64_t kColumnSlack = 16;
struct RowBlock {
  const uint8_t* in = nullptr;
  int64_t in_row_bytes = 0;
  uint8_t* out = nullptr;
  int64_t out_row_bytes = 0;
  int64_t count = 0;
};
void resize_columns(const ColumnPlan& plan, const RowBlock& rows);

// out[i] = weighted sum of in[i], in[i + row_bytes], ... over `taps` rows (an even number), for i
// in [0, bytes).
void blend_rows(const uint8_t* in, int64_t row_bytes, const int16_t* weights, int32_t taps,
                int64_t bytes, uint8_t* out);

}  // namespace catamaran
