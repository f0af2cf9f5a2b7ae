// What loader threads share: the cache of stored images, and the buffers of batches.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataio/buffer_pool.h"
#include "dataio/image_cache.h"
#include "made_pack.h"

namespace catamaran {
namespace {

constexpr int kThreads = 4;
constexpr uint8_t kImages = 40;
constexpr int64_t kImageBytes = 100;

std::vector<uint8_t> stored(int64_t image) {
  return std::vector<uint8_t>(kImageBytes, static_cast<uint8_t>(image));
}

std::filesystem::path pack_of_images() {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "shared-memory";
  std::vector<MadeImage> images;
  for (uint8_t i = 0; i < kImages; ++i) {
    images.push_back({.id = "image " + std::to_string(i),
                      .jpeg = stored(i),
                      .size = {.height = 10, .width = 20},
                      .labels = {1}});
  }
  make_pack(folder, {"a"}, images, 16);
  return folder;
}

TEST(ImageCache, GivesTheSameBytesToSeveralThreadsAndKeepsToItsBudget) {
  const PackReader pack(pack_of_images());
  constexpr int64_t kBudget = kImages / 2 * kImageBytes + 1;
  ImageCache cache(pack, kBudget);
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::vector<uint8_t> scratch;
        for (int64_t i = 0; i < 5 * kImages; ++i) {
          const int64_t image = (i * 7 + t) % kImages;
          const std::span<const uint8_t> bytes = cache.read(image, scratch);
          const std::vector<uint8_t> right = stored(image);
          if (!std::equal(bytes.begin(), bytes.end(), right.begin(), right.end())) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(cache.kept_bytes(), kBudget);
  EXPECT_GT(cache.hits(), 0);
}

TEST(BufferPool, LendsABufferToOneOwnerAtATimeWhoeverReturnsIt) {
  std::atomic<int> allocated = 0;
  BufferPool pool([&](int64_t bytes) {
    ++allocated;
    return plain_host_allocator()(bytes);
  });
  std::atomic<int> shared = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      HostBuffer buffer = pool.take(kImageBytes);
      threads.emplace_back([&shared, t, buffer = std::move(buffer)]() mutable {
        std::fill_n(buffer.get(), kImageBytes, static_cast<uint8_t>(t));
        for (int64_t i = 0; i < kImageBytes; ++i) {
          if (buffer.get()[i] != t) ++shared;
        }
        buffer.reset();
      });
    }
  }
  EXPECT_EQ(shared, 0);
  EXPECT_LE(allocated, kThreads);
}

}  // namespace
}  // namespace catamaran
