// The memory of a process.
//
// The C heap for a process that frees and asks for the same large blocks again at every step:
// freed memory is kept, not given back to the kernel, which would zero every page of it anew.
//
//   keep_freed_memory();      // first thing of a process that trains
//
// Resident memory stays at its peak. Call before other threads exist.
#pragma once

#include <cstdint>

namespace catamaran {

void keep_freed_memory();
// Of this process; 0 where /proc does not tell.
int64_t resident_bytes();

}  // namespace catamaran
