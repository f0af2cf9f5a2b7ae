#include "dataio/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>

#include "dataio/image.h"
#include "dataio/mix.h"
#include "made_pack.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSize = 24;
constexpr int64_t kDamaged = 13;  // an image of the pack

std::vector<uint8_t> read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The generated pictures of the golden values, one of them cut short, in two shards.
class LoaderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* golden = std::getenv("CATAMARAN_GOLDEN");
    if (golden == nullptr) throw std::runtime_error("CATAMARAN_GOLDEN is not set: run under ctest");
    const std::filesystem::path images = std::filesystem::path(golden) / "image";
    std::vector<MadeImage> made;
    const nlohmann::json cases = read_json_file(images / "cases.json", ErrorKind::kData);
    for (const auto& file : cases["files"]) {
      const std::string name = file["name"];
      if (!name.starts_with("made-")) continue;
      const auto i = static_cast<int>(made.size());
      made.push_back({.id = name,
                      .jpeg = read_bytes(images / (name + ".jpg")),
                      .size = {.height = file["height"], .width = file["width"]},
                      .labels = {static_cast<int8_t>(i % 3 - 1), static_cast<int8_t>(i % 2), 1}});
    }
    made.at(kDamaged).jpeg.resize(made.at(kDamaged).jpeg.size() - 40);
    const auto folder =
        std::filesystem::path(testing::TempDir()) /
        ("loader-pack-" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) + "-" +
         std::to_string(::getpid()));
    make_pack(folder, {"a", "b", "c"}, made, std::ssize(made) / 2 + 1);
    pack_ = std::make_unique<PackReader>(folder);
    folder_ = folder;
  }
  static void TearDownTestSuite() {
    pack_.reset();
    std::filesystem::remove_all(folder_);
  }

  // `count` batches of `images` each: image numbers go round the pack and leave out the damaged
  // one.
  static KeysOfBatch batches(int64_t count, int64_t images = 5) {
    return [count, images](int64_t batch) {
      std::vector<SampleKey> keys;
      for (int64_t i = 0; batch < count && i < images; ++i) {
        const int64_t sample = batch * images + i;
        const int64_t index = sample % (pack_->images() - 1);
        keys.push_back({.epoch = static_cast<uint32_t>(sample / (pack_->images() - 1)),
                        .index = index < kDamaged ? index : index + 1});
      }
      return keys;
    };
  }
  static LoaderOptions training(int64_t threads, int64_t prefetch) {
    LoaderOptions options;
    options.sample.size = kSize;
    options.sample.seed = 3;
    options.sample.training = true;
    options.sample.augment.resize = 32;
    options.threads = threads;
    options.prefetch_batches = prefetch;
    return options;
  }
  static std::vector<uint8_t> pixels_of(const Batch& batch) {
    return {batch.pixels.get(), batch.pixels.get() + batch.images * batch.height * batch.width * 3};
  }
  // What one image should be, without the loader.
  static std::vector<uint8_t> image_alone(SampleKey key, const LoaderOptions& options) {
    std::vector<uint8_t> jpeg;
    pack_->read_image(key.index, jpeg);
    const ImageSize size = pack_->size(key.index);
    const SampleOptions& sample = options.sample;
    const Placement placement =
        sample.training
            ? choose_placement(sample.augment, size, sample.size, sample.seed, key.epoch, key.index)
            : whole_image(size);
    std::vector<uint8_t> out(static_cast<size_t>(sample.size * sample.size * 3));
    ImageDecoder().decode(jpeg, placement, sample.size, out.data(), pack_->id(key.index));
    return out;
  }

  static std::unique_ptr<PackReader> pack_;
  static std::filesystem::path folder_;
};

std::unique_ptr<PackReader> LoaderTest::pack_;
std::filesystem::path LoaderTest::folder_;

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

// Batches of which every one has the damaged image.
KeysOfBatch with_damaged_image(int64_t count) {
  return [count](int64_t batch) {
    std::vector<SampleKey> keys;
    for (int64_t i = 0; batch < count && i < 4; ++i)
      keys.push_back({.epoch = static_cast<uint32_t>(batch), .index = i == 2 ? kDamaged : i});
    return keys;
  };
}

TEST_F(LoaderTest, PutsTheSameOtherImageInADamagedOnesPlaceWhateverTheThreads) {
  std::vector<std::vector<int64_t>> used;
  for (const int64_t threads : {1, 3}) {
    LoaderOptions options = training(threads, 4);
    options.skip_bad = true;
    Loader loader(*pack_, options, with_damaged_image(20));
    std::set<int64_t> substitutes;
    for (int64_t number = 0; const std::optional<Batch> batch = loader.next(); ++number) {
      EXPECT_EQ(batch->undecodable, 1);
      EXPECT_EQ(batch->unreadable, 0);
      ASSERT_NE(batch->indices[2], kDamaged);
      substitutes.insert(batch->indices[2]);
      used.push_back(batch->indices);
      const int64_t bytes = kSize * kSize * 3;
      const std::vector<uint8_t> pixels = pixels_of(*batch);
      const SampleKey key = {.epoch = static_cast<uint32_t>(number), .index = batch->indices[2]};
      EXPECT_TRUE(std::equal(pixels.begin() + 2 * bytes, pixels.begin() + 3 * bytes,
                             image_alone(key, options).begin()));
      const auto labels = pack_->labels(batch->indices[2]);
      EXPECT_TRUE(std::equal(labels.begin(), labels.end(), batch->labels.begin() + 2 * 3));
    }
    EXPECT_GT(substitutes.size(), 5u) << "each epoch has another";
  }
  ASSERT_EQ(used.size(), 40u);
  EXPECT_TRUE(std::equal(used.begin(), used.begin() + 20, used.begin() + 20));
}

TEST_F(LoaderTest, KeepsTheFirstImagesItReadsInMemoryUpToItsBudget) {
  LoaderOptions options = training(2, 4);
  options.cache_bytes = 1 << 20;
  int64_t stored = 0;
  for (int64_t i = 0; i < pack_->images(); ++i) stored += pack_->image_bytes(i);
  ASSERT_LT(stored, options.cache_bytes);
  Loader without(*pack_, training(2, 4), batches(30));
  Loader loader(*pack_, options, batches(30));
  while (const std::optional<Batch> batch = loader.next()) {
    const std::optional<Batch> wanted = without.next();
    ASSERT_TRUE(pixels_of(*batch) == pixels_of(*wanted));
  }
  const int64_t images = 150;
  // Two threads may read an image at the same time.
  EXPECT_GE(loader.counters().cache_hits, images - (pack_->images() - 1) - 2);
  EXPECT_EQ(without.counters().cache_hits, 0);
}

TEST_F(LoaderTest, MixesNeighboursAlikeWhateverTheThreadsAndSaysTheirShares) {
  LoaderOptions options = training(1, 2);
  options.sample.augment.mixup = 1;
  options.sample.augment.cutmix = 1;
  options.sample.augment.mix_probability = 0.7;
  LoaderOptions threaded = options;
  threaded.threads = 4;
  Loader loader(*pack_, options, batches(8, 7));
  Loader other(*pack_, threaded, batches(8, 7));
  int mixed = 0;
  for (int64_t number = 0; const std::optional<Batch> batch = loader.next(); ++number) {
    const std::optional<Batch> same = other.next();
    ASSERT_TRUE(pixels_of(*batch) == pixels_of(*same));
    ASSERT_EQ(batch->own_share, same->own_share);
    ASSERT_EQ(batch->own_share.size(), 7u);
    EXPECT_EQ(batch->own_share[6], 1) << "the last of an odd number has no neighbour";
    const std::vector<SampleKey> keys = batches(8, 7)(number);
    for (size_t i = 0; i < 6; i += 2) {
      EXPECT_EQ(batch->own_share[i], batch->own_share[i + 1]);
      mixed += batch->own_share[i] < 1 ? 1 : 0;
      std::vector<uint8_t> first = image_alone(keys[i], options);
      std::vector<uint8_t> second = image_alone(keys[i + 1], options);
      const auto mix =
          choose_mix(options.sample.augment,
                     {.seed = options.sample.seed, .epoch = keys[i].epoch, .index = keys[i].index},
                     kSize, kSize);
      if (mix) mix_pixels(*mix, {first.data(), kSize, kSize}, {second.data(), kSize, kSize});
      const std::vector<uint8_t> pixels = pixels_of(*batch);
      const auto at = pixels.begin() + static_cast<std::ptrdiff_t>(i) * kSize * kSize * 3;
      EXPECT_TRUE(std::equal(first.begin(), first.end(), at));
      EXPECT_TRUE(std::equal(second.begin(), second.end(), at + kSize * kSize * 3));
    }
  }
  EXPECT_GT(mixed, 8);
  EXPECT_LT(mixed, 24);
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
