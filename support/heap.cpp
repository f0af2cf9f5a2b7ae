#include "support/heap.h"

#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <limits>

namespace catamaran {

void keep_freed_memory() {
  constexpr int kLargest = 32 << 20;  // what glibc takes whatever its version; above it maps anew
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0;
  int64_t resident = 0;
  file >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace catamaran
