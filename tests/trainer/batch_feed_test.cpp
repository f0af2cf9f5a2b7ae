// Batches on their way to the device, made ahead or not: the same ones, in the same order.
#include "trainer/batch_feed.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "made_jpeg.h"
#include "made_pack.h"
#include "support/clock.h"
#include "support/error.h"
#include "trainer/device.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kImages = 12;
constexpr int64_t kBatch = 4;
const SideStream kNone(torch::kCPU);

class BatchFeedTest : public testing::Test {
 protected:
  BatchFeedTest() {
    std::vector<MadeImage> made;
    for (int i = 0; i < kImages; ++i) {
      made.push_back({.id = std::to_string(i),
                      .jpeg = made_jpeg(32, 32, static_cast<uint8_t>(20 * i), 90, 200),
                      .size = {.height = 32, .width = 32},
                      .labels = {1, static_cast<int8_t>(i % 3 - 1)}});
    }
    make_pack(folder_, {"a", "b"}, made, kImages);
    pack_ = std::make_unique<PackReader>(folder_);
  }
  ~BatchFeedTest() override { fs::remove_all(folder_); }

  // Three batches; the keys of `fails` are those of no image that can be named.
  std::unique_ptr<Loader> loader(const torch::Device& device = torch::kCPU, int64_t fails = -1) {
    LoaderOptions options;
    options.sample.size = 16;
    return std::make_unique<Loader>(
        *pack_, options,
        [fails](int64_t batch) {
          if (batch == fails) throw DataError("no such batch", "test", "");
          std::vector<SampleKey> keys;
          for (int64_t i = batch * kBatch; i < std::min(kImages, (batch + 1) * kBatch); ++i)
            keys.push_back({.epoch = 0, .index = i});
          return keys;
        },
        0, host_allocator_for(device));
  }

  const FeedOptions options_;
  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("batch-feed-" + std::to_string(::getpid()));
  std::unique_ptr<PackReader> pack_;
};

void expect_all_batches(BatchFeed& feed, Loader& alone, const FeedOptions& options) {
  for (int64_t k = 0; k < kImages / kBatch; ++k) {
    const std::optional<FedBatch> fed = feed.next();
    const std::optional<Batch> wanted = alone.next();
    ASSERT_TRUE(fed) << k;
    const DeviceBatch in = to_device(*wanted, options.input, options.labels, torch::kCPU);
    EXPECT_EQ(fed->host.indices, wanted->indices);
    EXPECT_TRUE(torch::equal(fed->in.x_BCHW.cpu(), in.x_BCHW)) << k;
    EXPECT_TRUE(torch::equal(fed->in.y_BL.cpu(), in.y_BL)) << k;
    EXPECT_GE(fed->wait_seconds, 0);
    EXPECT_GE(fed->to_device_seconds, 0);
  }
  EXPECT_FALSE(feed.next());
  EXPECT_FALSE(feed.next()) << "the end stays the end";
}

TEST_F(BatchFeedTest, GivesTheLoadersBatchesInTheirOrderMadeAheadOrNot) {
  for (const bool ahead : {false, true}) {
    const auto from = loader();
    const auto alone = loader();
    BatchFeed feed(*from, options_, torch::kCPU, kNone, ahead);
    expect_all_batches(feed, *alone, options_);
  }
}

// How many batches are named while nobody asks for a second one: by the loader, which keeps one
// ready, that and what was taken; by a feed that works ahead, one more and no further.
TEST_F(BatchFeedTest, MakesOneBatchAheadAndNoMore) {
  for (const bool ahead : {false, true}) {
    std::atomic<int64_t> named = 0;
    LoaderOptions options;
    options.sample.size = 16;
    options.prefetch_batches = 1;
    Loader from(*pack_, options, [&named](int64_t batch) {
      ++named;
      return std::vector<SampleKey>{{.epoch = 0, .index = batch % kImages}};
    });
    BatchFeed feed(from, options_, torch::kCPU, kNone, ahead);
    EXPECT_TRUE(feed.next());
    const int64_t wanted = ahead ? 3 : 2;
    const Stopwatch waiting;
    while (named < wanted && waiting.seconds() < 20)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(named, wanted);
  }
}

TEST_F(BatchFeedTest, ThrowsTheLoadersErrorsInTheirPlace) {
  for (const bool ahead : {false, true}) {
    const auto from = loader(torch::kCPU, 1);
    BatchFeed feed(*from, options_, torch::kCPU, kNone, ahead);
    EXPECT_TRUE(feed.next());
    EXPECT_THROW(feed.next(), DataError);
  }
}

TEST_F(BatchFeedTest, MayBeLeftInTheMiddle) {
  for (int taken = 0; taken < 3; ++taken) {
    const auto from = loader();
    BatchFeed feed(*from, options_, torch::kCPU, kNone, true);
    for (int i = 0; i < taken; ++i) EXPECT_TRUE(feed.next());
  }
}

class GpuBatchFeedTest : public BatchFeedTest {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "there is no GPU";
  }
};

TEST_F(GpuBatchFeedTest, GivesWhatTheCpuWouldGet) {
  const torch::Device gpu(torch::kCUDA, 0);
  const auto from = loader(gpu);
  const auto alone = loader();
  BatchFeed feed(*from, options_, gpu, SideStream(gpu));
  for (int64_t k = 0; k < kImages / kBatch; ++k) {
    const std::optional<FedBatch> fed = feed.next();
    const std::optional<Batch> wanted = alone->next();
    ASSERT_TRUE(fed);
    const DeviceBatch in = to_device(*wanted, options_.input, options_.labels, torch::kCPU);
    EXPECT_TRUE(fed->in.x_BCHW.is_cuda());
    EXPECT_TRUE(torch::allclose(fed->in.x_BCHW.cpu(), in.x_BCHW, 1e-5, 1e-6)) << k;
    EXPECT_TRUE(torch::equal(fed->in.y_BL.cpu(), in.y_BL)) << k;
  }
}

}  // namespace
}  // namespace catamaran
