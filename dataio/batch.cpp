#include "dataio/batch.h"

#include <new>

#include "support/assert.h"

namespace catamaran {
namespace {

constexpr std::align_val_t kCacheLine{64};

}  // namespace

HostAllocator plain_host_allocator() {
  return [](int64_t bytes) {
    CATAMARAN_ASSERT(bytes >= 0, "sizes are not negative");
    auto* memory = static_cast<uint8_t*>(::operator new(static_cast<size_t>(bytes), kCacheLine));
    return HostBuffer(memory, [](uint8_t* p) { ::operator delete(p, kCacheLine); });
  };
}

}  // namespace catamaran
