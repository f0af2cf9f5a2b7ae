#include "dataio/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <tuple>

#include "loader_fixture.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

TEST_F(LoaderTest, DeliversTheBatchesInOrderWithTheirLabelsAndPixels) {
  for (const bool train : {true, false}) {
    LoaderOptions options = training(2, 3);
    options.sample.training = train;
    const KeysOfBatch keys_of_batch = batches(12);
    Loader loader(*pack_, options, keys_of_batch);
    for (int64_t number = 0; number < 12; ++number) {
      const std::optional<Batch> batch = loader.next();
      ASSERT_TRUE(batch.has_value());
      const std::vector<SampleKey> keys = keys_of_batch(number);
      EXPECT_EQ(batch->images, 5);
      EXPECT_EQ(batch->height, kSize);
      EXPECT_EQ(batch->width, kSize);
      EXPECT_EQ(batch->classes, 3);
      std::vector<int8_t> labels;
      std::vector<int64_t> indices;
      std::vector<uint8_t> pixels;
      for (const SampleKey& key : keys) {
        indices.push_back(key.index);
        const auto of_image = pack_->labels(key.index);
        labels.insert(labels.end(), of_image.begin(), of_image.end());
        const std::vector<uint8_t> alone = image_alone(key, options);
        pixels.insert(pixels.end(), alone.begin(), alone.end());
      }
      EXPECT_EQ(batch->indices, indices);
      EXPECT_EQ(batch->labels, labels);
      EXPECT_TRUE(pixels_of(*batch) == pixels) << number;
    }
    EXPECT_FALSE(loader.next().has_value());
    EXPECT_FALSE(loader.next().has_value());
  }
}

TEST_F(LoaderTest, GivesTheSamePixelsWhateverTheThreadsAndThePrefetch) {
  const auto all = [](int64_t threads, int64_t prefetch) {
    std::vector<uint8_t> pixels;
    Loader loader(*pack_, training(threads, prefetch), batches(20));
    while (const std::optional<Batch> batch = loader.next()) {
      const std::vector<uint8_t> more = pixels_of(*batch);
      pixels.insert(pixels.end(), more.begin(), more.end());
    }
    return pixels;
  };
  const std::vector<uint8_t> expected = all(1, 1);
  ASSERT_EQ(std::ssize(expected), int64_t{20} * 5 * kSize * kSize * 3);
  for (const auto& [threads, prefetch] : {std::tuple(1, 4), std::tuple(2, 1), std::tuple(2, 4),
                                          std::tuple(4, 2), std::tuple(4, 30)}) {
    EXPECT_TRUE(all(threads, prefetch) == expected) << threads << " threads, " << prefetch;
  }
}

TEST_F(LoaderTest, ResumesAtAnyBatch) {
  Loader whole(*pack_, training(2, 3), batches(9));
  for (int64_t number = 0; number < 6; ++number) ASSERT_TRUE(whole.next().has_value());
  Loader resumed(*pack_, training(2, 3), batches(9), 6);
  for (int64_t number = 6; number < 9; ++number) {
    const std::optional<Batch> expected = whole.next();
    const std::optional<Batch> batch = resumed.next();
    ASSERT_TRUE(expected.has_value() && batch.has_value());
    EXPECT_EQ(batch->indices, expected->indices);
    EXPECT_TRUE(pixels_of(*batch) == pixels_of(*expected));
  }
  EXPECT_FALSE(resumed.next().has_value());
}

TEST_F(LoaderTest, ThrowsADamagedImagesErrorInItsPlaceAndGoesOnBehindIt) {
  for (const int64_t threads : {1, 2, 4}) {
    const KeysOfBatch good = batches(8);
    Loader loader(*pack_, training(threads, 4), [&](int64_t batch) {
      std::vector<SampleKey> keys = good(batch);
      if (batch == 3) keys[2].index = kDamaged;
      return keys;
    });
    for (int64_t number = 0; number < 8; ++number) {
      if (number != 3) {
        ASSERT_EQ(loader.next().value().indices[0], good(number)[0].index);
        continue;
      }
      try {
        loader.next();
        ADD_FAILURE() << "the damaged image was accepted";
      } catch (const DataError& error) {
        EXPECT_THAT(error.what(), HasSubstr(pack_->id(kDamaged)));
      }
    }
    EXPECT_FALSE(loader.next().has_value());
  }
}

TEST_F(LoaderTest, ThrowsWhatNamingABatchThrowsAfterTheBatchesBeforeIt) {
  const KeysOfBatch good = batches(8);
  Loader loader(*pack_, training(2, 4), [&](int64_t batch) {
    if (batch == 2) throw UsageError("no such batch", "here", "");
    return good(batch);
  });
  EXPECT_TRUE(loader.next().has_value());
  EXPECT_TRUE(loader.next().has_value());
  EXPECT_THROW(loader.next(), UsageError);
  EXPECT_FALSE(loader.next().has_value());
}

TEST_F(LoaderTest, TreatsASampleThatThePackDoesNotHaveAsAMistakeOfOurs) {
  Loader loader(*pack_, training(1, 1), [](int64_t) {
    return std::vector<SampleKey>{{.epoch = 0, .index = pack_->images()}};
  });
  EXPECT_THROW(loader.next(), std::logic_error);
}

TEST_F(LoaderTest, NamesOneBatchAtATimeInOrderAndNoMoreThanThePrefetchAhead) {
  const KeysOfBatch good = batches(30);
  std::atomic<int> inside = 0;
  std::atomic<int64_t> named = 0;
  std::atomic<bool> together = false;
  std::atomic<bool> out_of_order = false;
  std::atomic<int64_t> delivered = 0;
  std::atomic<int64_t> furthest = 0;
  Loader loader(*pack_, training(4, 3), [&](int64_t batch) {
    if (++inside > 1) together = true;
    if (batch != named) out_of_order = true;
    furthest = std::max<int64_t>(furthest, batch + 1 - delivered);
    ++named;
    --inside;
    return good(batch);
  });
  // `delivered` counts a batch when it is asked for, so that it is never behind the loader.
  for (++delivered; loader.next(); ++delivered) {
  }
  EXPECT_FALSE(together);
  EXPECT_FALSE(out_of_order);
  EXPECT_LE(furthest, 3);
}

TEST_F(LoaderTest, StopsWhenDestroyedWithBatchesInWork) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int64_t> named = 0;
    {
      Loader loader(*pack_, training(4, 3), [&](int64_t batch) {
        ++named;
        return batches(1000000)(batch);
      });
      for (int taken = 0; taken < round % 4; ++taken) ASSERT_TRUE(loader.next().has_value());
    }
    EXPECT_LE(named, round % 4 + 3);
  }
}

TEST_F(LoaderTest, UsesTheBuffersOfBatchesThatAreGoneAgain) {
  std::atomic<int64_t> allocations = 0;
  const HostAllocator plain = plain_host_allocator();
  Loader loader(*pack_, training(2, 3), batches(40), 0, [&](int64_t bytes) {
    ++allocations;
    return plain(bytes);
  });
  int64_t delivered = 0;
  while (loader.next()) ++delivered;
  EXPECT_EQ(delivered, 40);
  EXPECT_LE(allocations, 4);  // three in the queue and one with us
}

TEST_F(LoaderTest, LeavesABatchIntactAfterTheLoaderIsGone) {
  std::optional<Batch> batch;
  {
    Loader loader(*pack_, training(2, 3), batches(10));
    batch = loader.next();
  }
  ASSERT_TRUE(batch.has_value());
  const std::vector<uint8_t> first = image_alone(batches(10)(0)[0], training(2, 3));
  EXPECT_TRUE(std::equal(first.begin(), first.end(), batch->pixels.get()));
}

TEST_F(LoaderTest, DeliversALastBatchThatIsSmaller) {
  Loader loader(*pack_, training(2, 4), [](int64_t batch) {
    return batch == 0 ? batches(2, 8)(0) : batches(2, batch == 1 ? 3 : 0)(1);
  });
  EXPECT_EQ(loader.next().value().images, 8);
  EXPECT_EQ(loader.next().value().images, 3);
  EXPECT_FALSE(loader.next().has_value());
}

TEST_F(LoaderTest, CountsWhatItDid) {
  int64_t bytes = 0;
  for (int64_t batch = 0; batch < 6; ++batch) {
    for (const SampleKey& key : batches(6)(batch)) bytes += pack_->image_bytes(key.index);
  }
  Loader loader(*pack_, training(2, 2), batches(6));
  while (loader.next()) {
    EXPECT_LE(loader.counters().ready_batches, 2);
  }
  const LoaderCounters counters = loader.counters();
  EXPECT_EQ(counters.images, 30);
  EXPECT_EQ(counters.read_bytes, bytes);
  EXPECT_GT(counters.decode_seconds, 0);
  EXPECT_EQ(counters.ready_batches, 0);
}

TEST_F(LoaderTest, RefusesOptionsThatCannotBeWithTheirKeys) {
  const auto refusal = [](const LoaderOptions& options) -> std::string {
    try {
      const Loader loader(*pack_, options, batches(1));
    } catch (const UsageError& error) {
      return error.where();
    }
    return "accepted";
  };
  LoaderOptions options = training(0, 1);
  EXPECT_EQ(refusal(options), "data.threads");
  options = training(1, 0);
  EXPECT_EQ(refusal(options), "data.prefetch_batches");
  options = training(1, 1);
  options.sample.augment.resize = kSize - 1;
  EXPECT_EQ(refusal(options), "data.augment.resize");
  options.sample.training = false;
  EXPECT_EQ(refusal(options), "accepted");
}

TEST(PlainHostAllocator, GivesMemoryThatBeginsACacheLine) {
  const HostAllocator allocate = plain_host_allocator();
  for (const int64_t bytes : {0, 1, 1000, 602112}) {
    const HostBuffer buffer = allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.get()) % 64, 0u);
  }
}

}  // namespace
}  // namespace catamaran
