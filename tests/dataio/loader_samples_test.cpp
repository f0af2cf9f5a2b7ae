// Samples that a loader replaces, keeps or mixes.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <set>

#include "dataio/mix.h"
#include "loader_fixture.h"

namespace catamaran {
namespace {

// Batches of which every one has the damaged image.
KeysOfBatch with_damaged_image(int64_t count) {
  return [count](int64_t batch) {
    std::vector<SampleKey> keys;
    for (int64_t i = 0; batch < count && i < 4; ++i)
      keys.push_back({.epoch = static_cast<uint32_t>(batch), .index = i == 2 ? kDamaged : i});
    return keys;
  };
}

// One image of each of these.
FaultCounts only(std::initializer_list<SampleFault> faults) {
  FaultCounts counts{};
  for (const SampleFault fault : faults) ++counts[static_cast<size_t>(fault)];
  return counts;
}

TEST_F(LoaderTest, PutsTheSameOtherImageInADamagedOnesPlaceWhateverTheThreads) {
  std::vector<std::vector<int64_t>> used;
  for (const int64_t threads : {1, 3}) {
    LoaderOptions options = training(threads, 4);
    options.skip_bad = true;
    Loader loader(*pack_, options, with_damaged_image(20));
    std::set<int64_t> substitutes;
    for (int64_t number = 0; const std::optional<Batch> batch = loader.next(); ++number) {
      EXPECT_EQ(batch->faults, only({SampleFault::kTruncated}));
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

TEST_F(LoaderTest, TellsStoredBytesThatAreDamagedFromPicturesThatAre) {
  const std::filesystem::path copy = folder_.string() + "-with-a-changed-byte";
  std::filesystem::copy(folder_, copy);
  std::vector<uint8_t> jpeg;
  pack_->read_image(1, jpeg);
  std::ifstream in(copy / "shard-00000.h5", std::ios::binary);
  std::string shard(std::istreambuf_iterator<char>(in), {});
  const size_t at = shard.find(std::string(jpeg.begin(), jpeg.end()));
  ASSERT_NE(at, std::string::npos);
  shard[at + jpeg.size() / 2] ^= 1;
  std::ofstream(copy / "shard-00000.h5", std::ios::binary) << shard;
  {
    const PackReader pack(copy);
    LoaderOptions options = training(2, 4);
    options.skip_bad = true;
    Loader loader(pack, options, with_damaged_image(3));  // images 0, 1 and 3, and the cut one
    while (const std::optional<Batch> batch = loader.next()) {
      EXPECT_EQ(batch->faults, only({SampleFault::kChecksum, SampleFault::kTruncated}));
    }
  }
  std::filesystem::remove_all(copy);
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

}  // namespace
}  // namespace catamaran
