// Whether a device computes what it should: products of matrices whose every element is known
// exactly, again and again, compared bit by bit. For faults that no error code tells of.
//
//   const DeviceCheck check = check_device(DeviceKind::kCuda, /*index=*/0, /*threads=*/8,
//                                          /*seconds=*/2);
//   check.wrong                                       // elements; 0 on a device that is well
//
// The factors are small integers in a pattern of period 7 and 5, so that 35 numbers, worked out
// without a matrix, are the whole product; no order of additions, and none of the types, rounds
// anything. fp32 on the CPU; fp32, bf16 and fp16 on a GPU, whose tensor cores take the last two.
// Not all of a device is reached: what is found is bad, what is not found proves nothing. Errors:
// what LibTorch throws, for as_error (trainer/api.h). Any thread, with values of its own: it may be
// left behind (support/bounded_call.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "comm/process_group.h"

namespace catamaran {

struct DeviceCheck {
  int64_t products = 0;
  int64_t wrong = 0;            // elements of the first product of each type
  int64_t different = 0;        // products that were not the bits of the first
  std::string first_wrong;      // "bf16, row 3, column 17: 12 instead of 14"
  double flops_per_second = 0;  // of fp32, comparing included
  bool is_well() const { return wrong == 0 && different == 0; }
};

// spoil(values): called with the first product on the host, for tests of a device that is not well.
DeviceCheck check_device(DeviceKind kind, int index, int threads, double seconds,
                         const std::function<void(float* values, int64_t count)>& spoil = {});

}  // namespace catamaran
