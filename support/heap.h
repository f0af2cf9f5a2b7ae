// The C heap for a process that frees and asks for the same large blocks again at every step:
// freed memory is kept, not given back to the kernel, which would zero every page of it anew.
//
//   keep_freed_memory();      // first thing of a process that trains
//
// Resident memory stays at its peak. Call before other threads exist.
#pragma once

namespace catamaran {

void keep_freed_memory();

}  // namespace catamaran
