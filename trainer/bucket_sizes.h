// The sizes of buckets that [reducer] asks for, as trainer/arena_layout.h counts them.
//
//   ArenaLayout layout = lay_out(contents, bucket_sizes(options.reducer));
//
// Gradients are fp32 in the flat memories, so the limits hold for fp32 bytes whatever travels.
#pragma once

#include "trainer/arena_layout.h"
#include "trainer/options.h"

namespace catamaran {

inline BucketSizes bucket_sizes(const ReducerOptions& reducer) {
  constexpr int64_t kBytes = sizeof(float);
  return {.first = reducer.first_bucket_bytes / kBytes,
          .middle = reducer.bucket_bytes / kBytes,
          .last = reducer.last_bucket_bytes / kBytes};
}

}  // namespace catamaran
