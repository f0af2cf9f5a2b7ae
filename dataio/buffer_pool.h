// BufferPool: host buffers that come back when their last owner lets go, so that pinned memory is
// allocated for the first few batches only.
//
//   BufferPool pool(allocator);
//   HostBuffer pixels = pool.take(bytes);     // at least that many
//
// A buffer may outlive the pool. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>

#include "dataio/batch.h"

namespace catamaran {

class BufferPool {
 public:
  explicit BufferPool(HostAllocator allocator);

  HostBuffer take(int64_t bytes);

 private:
  struct Shelf;
  HostAllocator allocator_;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace catamaran
