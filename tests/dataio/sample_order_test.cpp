#include "dataio/sample_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dataio/keyed_permutation.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

std::vector<int64_t> indices_of(std::span<const SampleKey> keys) {
  std::vector<int64_t> indices;
  for (const SampleKey& key : keys) indices.push_back(key.index);
  return indices;
}

template <typename F>
std::string usage_error_of(F call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no UsageError";
}

TEST(SampleOrder, IsTheSameWhicheverStepIsAskedForFirst) {
  const SampleOrder forwards(3, 103, 10);
  std::vector<std::vector<int64_t>> steps;
  for (int64_t t = 0; t < 35; ++t) steps.push_back(indices_of(forwards.step(t)));
  for (int64_t t = 34; t >= 0; --t) {
    const SampleOrder resumed(3, 103, 10);
    EXPECT_EQ(indices_of(resumed.step(t)), steps[static_cast<size_t>(t)]) << t;
  }
}

TEST(SampleOrder, LeavesOutTheRestOfAnEpochAndOthersInTheNext) {
  const SampleOrder order(3, 103, 10);
  EXPECT_EQ(order.steps_per_epoch(), 10);
  std::vector<std::set<int64_t>> epochs(2);
  for (int64_t t = 0; t < 20; ++t) {
    for (const SampleKey& key : order.step(t)) {
      EXPECT_EQ(key.epoch, t / 10);
      EXPECT_TRUE(epochs[key.epoch].insert(key.index).second) << "twice in an epoch";
    }
  }
  EXPECT_EQ(epochs[0].size(), 100u);
  EXPECT_EQ(epochs[1].size(), 100u);
  EXPECT_NE(epochs[0], epochs[1]);
}

TEST(SampleOrder, FollowsTheEpochsPermutation) {
  const SampleOrder order(11, 50, 20);
  const KeyedPermutation permutation(11, 1, 50);
  const std::vector<int64_t> second = indices_of(order.step(3));
  ASSERT_EQ(second.size(), 20u);
  for (int64_t i = 0; i < 20; ++i)
    EXPECT_EQ(second[static_cast<size_t>(i)], permutation.at(20 + i));
}

TEST(SampleOrder, GivesOneEpochAStepWhereTheBatchIsTheDataSet) {
  const SampleOrder order(3, 8, 8);
  EXPECT_EQ(order.steps_per_epoch(), 1);
  EXPECT_EQ(order.step(5)[0].epoch, 5u);
}

TEST(SampleOrder, RefusesABatchLargerThanTheDataSetAndSaysTheLargest) {
  EXPECT_THAT(usage_error_of([] { SampleOrder(1, 31, 32); }),
              HasSubstr("batch.global: a batch of 32 images is larger than the data set of 31; "
                        "set it to 31 or less"));
  EXPECT_THAT(usage_error_of([] { SampleOrder(1, 31, 0); }), HasSubstr("set it to 1 or more"));
}

TEST(PartOfRank, AddsUpToTheStepInOrderForEveryWorld) {
  const SampleOrder order(5, 200, 24);
  const std::vector<SampleKey> keys = order.step(4);
  for (int world = 1; world <= 8; ++world) {
    std::vector<int64_t> joined;
    for (int rank = 0; rank < world; ++rank) {
      const std::span<const SampleKey> part = part_of_rank(keys, rank, world);
      if (24 % world == 0) {
        EXPECT_EQ(part.size(), 24u / static_cast<unsigned>(world));
      }
      for (int64_t index : indices_of(part)) joined.push_back(index);
    }
    EXPECT_EQ(joined, indices_of(keys)) << world << " ranks";
  }
}

TEST(PartOfRank, GivesRanksAtMostOneMoreThanOthersWhereTheyDoNotDivide) {
  const std::vector<SampleKey> keys(10);
  for (int world = 1; world <= 16; ++world) {
    for (int rank = 0; rank < world; ++rank) {
      const auto size = static_cast<int>(part_of_rank(keys, rank, world).size());
      EXPECT_GE(size, 10 / world);
      EXPECT_LE(size, 10 / world + 1);
    }
  }
}

TEST(SplitBatch, CutsIntoTheFewestEqualPartsThatFit) {
  for (int world : {1, 2, 3, 4, 7, 8}) {
    for (int64_t per_rank = 1; per_rank <= 40; ++per_rank) {
      for (int64_t per_device = 1; per_device <= 40; ++per_device) {
        BatchSplit split;
        try {
          split = split_batch(per_rank * world, per_device, world);
        } catch (const UsageError&) {  // rightly: no part of at least half of per_device divides
          ASSERT_GT(per_rank, per_device);
          for (int64_t part = (per_device + 1) / 2; part <= per_device; ++part)
            ASSERT_NE(per_rank % part, 0);
          continue;
        }
        ASSERT_TRUE(split.parts == 1 || 2 * split.per_part >= per_device);
        ASSERT_EQ(split.per_rank, per_rank);
        ASSERT_EQ(split.parts * split.per_part, per_rank);
        ASSERT_LE(split.per_part, per_device);
        for (int64_t parts = 1; parts < split.parts; ++parts) {
          ASSERT_TRUE(per_rank % parts != 0 || per_rank / parts > per_device);
        }
      }
    }
  }
}

TEST(SplitBatch, RefusesToAccumulateOverTinyPartsAndNamesWhatWorks) {
  const std::string one = usage_error_of([] { split_batch(31, 30, 1); });
  EXPECT_THAT(one, HasSubstr("batch.global: a rank's 31 images of a step do not divide into equal "
                             "micro-batches of 15 to 30 images"));
  EXPECT_THAT(one, HasSubstr("set it to 30 or 32, or batch.per_device to 31"));
  EXPECT_THAT(usage_error_of([] { split_batch(4 * 37, 16, 4); }),
              HasSubstr("set it to 144 or 156, or batch.per_device to 37"));
  EXPECT_EQ(split_batch(144, 16, 4).per_part, 12);
  EXPECT_EQ(split_batch(156, 16, 4).per_part, 13);
  EXPECT_EQ(split_batch(7, 30, 1).per_part, 7) << "one small part is no accumulation";
  EXPECT_EQ(split_batch(5, 2, 1).per_part, 1);
}

TEST(SplitBatch, NamesTheNearestBatchesThatDivide) {
  EXPECT_THAT(usage_error_of([] { split_batch(250, 32, 4); }),
              HasSubstr("batch.global: a batch of 250 images does not divide among 4 ranks; "
                        "set it to 248 or 252"));
  EXPECT_THAT(usage_error_of([] { split_batch(3, 32, 4); }), HasSubstr("; set it to 4"));
  EXPECT_THAT(usage_error_of([] { split_batch(0, 32, 4); }), HasSubstr("; set it to 4"));
  EXPECT_THAT(usage_error_of([] { split_batch(32, 0, 4); }), HasSubstr("batch.per_device"));
}

}  // namespace
}  // namespace catamaran
