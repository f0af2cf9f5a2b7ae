#include "dataio/image_cache.h"

#include <utility>

namespace catamaran {

ImageCache::ImageCache(const PackReader& pack, int64_t budget_bytes)
    : pack_(pack), budget_bytes_(budget_bytes) {}

bool ImageCache::reserve(int64_t bytes) {
  int64_t kept = kept_bytes_;
  do {
    if (kept + bytes > budget_bytes_) return false;
  } while (!kept_bytes_.compare_exchange_weak(kept, kept + bytes));
  return true;
}

std::span<const uint8_t> ImageCache::read(int64_t image, Bytes& scratch) {
  if (budget_bytes_ > 0) {
    Shelf& shelf = shelf_of(image);
    const std::lock_guard lock(shelf.mutex);
    if (const auto found = shelf.images.find(image); found != shelf.images.end()) {
      ++hits_;
      return *found->second;
    }
  }
  pack_.read_image(image, scratch);
  if (budget_bytes_ == 0 || !reserve(std::ssize(scratch))) return scratch;
  auto copy = std::make_unique<const Bytes>(scratch);
  Shelf& shelf = shelf_of(image);
  const std::lock_guard lock(shelf.mutex);
  const auto [at, added] = shelf.images.emplace(image, std::move(copy));
  if (!added) kept_bytes_ -= std::ssize(scratch);  // another thread was quicker
  return *at->second;
}

}  // namespace catamaran
