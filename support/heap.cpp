#include "support/heap.h"

#include <malloc.h>

#include <limits>

namespace catamaran {

void keep_freed_memory() {
  constexpr int kLargest = 32 << 20;  // what glibc takes whatever its version; above it maps anew
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace catamaran
