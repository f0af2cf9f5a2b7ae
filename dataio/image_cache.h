// ImageCache: stored bytes of a pack's images in memory, up to a budget, for data that fits and
// file systems that are slow.
//
//   ImageCache cache(pack, int64_t{8} << 30);
//   std::span<const uint8_t> bytes = cache.read(17, scratch);     // scratch where it is not kept
//
// What is read is kept until the budget is full, and nothing is thrown out again: an epoch visits
// every image once in a new order, so whichever images are kept save as many reads as any others,
// and replacing them would save none. Bytes are checked when they are read from the pack. A span
// into the cache lives as long as the cache. Errors: those of PackReader::read_image. Thread-safe,
// with a scratch for each thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "dataio/pack_reader.h"

namespace catamaran {

class ImageCache {
 public:
  // budget_bytes = 0: nothing is kept.
  ImageCache(const PackReader& pack, int64_t budget_bytes);

  std::span<const uint8_t> read(int64_t image, std::vector<uint8_t>& scratch);
  int64_t kept_bytes() const { return kept_bytes_; }
  int64_t hits() const { return hits_; }

 private:
  using Bytes = std::vector<uint8_t>;
  struct Shelf {
    std::mutex mutex;
    std::unordered_map<int64_t, std::unique_ptr<const Bytes>> images;
  };
  static constexpr size_t kShelves = 64;

  Shelf& shelf_of(int64_t image) { return shelves_[static_cast<size_t>(image) % kShelves]; }
  // False where the budget has no room for so many.
  bool reserve(int64_t bytes);

  const PackReader& pack_;
  const int64_t budget_bytes_;
  std::array<Shelf, kShelves> shelves_;
  std::atomic<int64_t> kept_bytes_ = 0;
  std::atomic<int64_t> hits_ = 0;
};

}  // namespace catamaran
