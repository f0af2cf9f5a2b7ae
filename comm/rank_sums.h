// The arithmetic of an all-reduce in memory that one thread can see whole: combines what the ranks
// hold, in the order of the ranks, and writes the result to all of them.
//
//   reduce_parts({data_of_rank_0, data_of_rank_1}, count, DataType::kFloat32, ReduceOp::kSum);
//
// One pass over memory. Every part ends with the same bits; they depend on the values alone, not on
// how a vector is cut into calls. 16-bit floats are combined in fp32 and rounded once. Parts do not
// overlap. Thread-safe for parts that no other call touches.
#pragma once

#include <cstdint>
#include <span>

#include "comm/communicator.h"

namespace catamaran {

void reduce_parts(std::span<char* const> parts, int64_t count, DataType type, ReduceOp op);

}  // namespace catamaran
