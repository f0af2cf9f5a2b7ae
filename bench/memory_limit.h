// Loops that move the memory that an optimizer's pass has to move, and compute next to nothing: the
// limit beside which bench/optimizer.cpp puts the optimizers. Values stay as they are (0 times what
// is read is added). In vector instructions, the best the processor has, fetching ahead.
#pragma once

#include <cstdint>

namespace catamaran {

// Reads `read` and changes 1, 2 or 3 others of `count` elements.
void change_one(const float* read, float* a, int64_t count);
void change_two(const float* read, float* a, float* b, int64_t count);
void change_three(const float* read, float* a, float* b, float* c, int64_t count);
// Their sums, so that the reading is not left out.
float read_one(const float* a, int64_t count);
float read_two(const float* a, const float* b, int64_t count);

}  // namespace catamaran
