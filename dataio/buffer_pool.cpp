#include "dataio/buffer_pool.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace catamaran {
namespace {

struct Sized {
  HostBuffer buffer;
  int64_t bytes = 0;
};

}  // namespace

struct BufferPool::Shelf {
  std::mutex mutex;
  std::vector<Sized> free;

  std::optional<Sized> find(int64_t bytes) {
    const std::lock_guard lock(mutex);
    const auto fits = std::find_if(free.begin(), free.end(),
                                   [bytes](const Sized& sized) { return sized.bytes >= bytes; });
    if (fits == free.end()) {
      free.clear();  // the sizes have grown: what is too small now stays so
      return std::nullopt;
    }
    std::optional<Sized> found = std::move(*fits);
    free.erase(fits);
    return found;
  }
  void put_back(Sized sized) {
    const std::lock_guard lock(mutex);
    free.push_back(std::move(sized));
  }
};

BufferPool::BufferPool(HostAllocator allocator)
    : allocator_(std::move(allocator)), shelf_(std::make_shared<Shelf>()) {}

HostBuffer BufferPool::take(int64_t bytes) {
  std::optional<Sized> found = shelf_->find(bytes);
  Sized sized = found ? std::move(*found) : Sized{.buffer = allocator_(bytes), .bytes = bytes};
  uint8_t* const data = sized.buffer.get();
  return {data, [sized = std::move(sized), shelf = std::weak_ptr(shelf_)](uint8_t*) mutable {
            if (const std::shared_ptr<Shelf> home = shelf.lock()) home->put_back(std::move(sized));
          }};
}

}  // namespace catamaran
