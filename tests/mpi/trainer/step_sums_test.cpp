// What the ranks bring to a step is summed, each number in its own place.
#include "trainer/step_sums.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mpi_test_environment.h"
#include "support/error.h"
#include "trainer/exchange_check.h"

namespace catamaran {
namespace {

TEST(StepSums, AddUpOverRanksEachInItsPlace) {
  ProcessGroup& group = *test_group();
  const double mine = group.rank() + 1;
  StepSums sums;
  sums.loss = mine;
  sums.valid_labels = 10 * mine;
  sums.images = 100 * mine;
  sums.bad_checksums = 1000 * mine;
  sums.truncated = 1100 * mine;
  sums.bad_formats = 1200 * mine;
  sums.bad_sizes = 1300 * mine;
  sums.unreadable = 2000 * mine;
  sums.stop = 3000 * mine;
  sums.wants_figures = 3100 * mine;
  sums.first_head_loss = 3200 * mine;
  sums.second_head_loss = 3300 * mine;
  sums.third_head_loss = 3400 * mine;
  sums.to_device_seconds = 4500 * mine;
  sums.before_sums_seconds = 9500 * mine;
  sums.data_wait_seconds = 4000 * mine;
  sums.forward_seconds = 5000 * mine;
  sums.backward_seconds = 6000 * mine;
  sums.exchange_seconds = 7000 * mine;
  sums.all_reduce_seconds = 8000 * mine;
  sums.last_bucket_seconds = 9000 * mine;
  const StepSums all = sums.over_all_ranks(group);
  const double total = group.world() * (group.world() + 1) / 2.0;
  EXPECT_EQ(all.loss, total);
  EXPECT_EQ(all.valid_labels, 10 * total);
  EXPECT_EQ(all.images, 100 * total);
  EXPECT_EQ(all.bad_checksums, 1000 * total);
  EXPECT_EQ(all.truncated, 1100 * total);
  EXPECT_EQ(all.bad_formats, 1200 * total);
  EXPECT_EQ(all.bad_sizes, 1300 * total);
  EXPECT_EQ(all.unreadable, 2000 * total);
  EXPECT_EQ(all.faults()[static_cast<size_t>(SampleFault::kFormat)], 1200 * total);
  EXPECT_EQ(all.wants_figures, 3100 * total);
  EXPECT_EQ(all.mean_head_losses(3),
            (std::vector<double>{3200 * total / (10 * total), 3300 * total / (10 * total),
                                 3400 * total / (10 * total)}));
  EXPECT_TRUE(all.mean_head_losses(0).empty());
  EXPECT_EQ(all.to_device_seconds, 4500 * total);
  EXPECT_EQ(all.before_sums_seconds, 9500 * total);
  EXPECT_EQ(all.stop, 3000 * total);
  EXPECT_EQ(all.data_wait_seconds, 4000 * total);
  EXPECT_EQ(all.forward_seconds, 5000 * total);
  EXPECT_EQ(all.backward_seconds, 6000 * total);
  EXPECT_EQ(all.exchange_seconds, 7000 * total);
  EXPECT_EQ(all.all_reduce_seconds, 8000 * total);
  EXPECT_EQ(all.last_bucket_seconds, 9000 * total);
  ASSERT_EQ(std::ssize(all.own_seconds_by_rank), group.world());
  for (int rank = 0; rank < group.world(); ++rank) {
    EXPECT_EQ(all.own_seconds_by_rank[static_cast<size_t>(rank)],
              (4000 + 4500 + 5000 + 6000) * (rank + 1.0));
    EXPECT_EQ(all.data_wait_seconds_by_rank[static_cast<size_t>(rank)], 4000 * (rank + 1.0));
  }
}

TEST(StepSums, TellWhetherAllRanksExchangedTheSameRangesInTheSameOrder) {
  ProcessGroup& group = *test_group();
  const std::vector<ArenaRange> ranges = {{0, 64}, {64, 128}, {128, 200}};
  StepSums sums;
  sums.add(ranges);
  EXPECT_TRUE(sums.over_all_ranks(group).exchanged_alike(group.world()));
  if (group.world() == 1) return;
  for (const auto& other : {std::vector<ArenaRange>{{64, 128}, {0, 64}, {128, 200}},
                            std::vector<ArenaRange>{{64, 128}, {128, 200}},
                            std::vector<ArenaRange>{{0, 63}, {64, 128}, {128, 200}}}) {
    const std::vector<ArenaRange>& mine = group.rank() == 1 ? other : ranges;
    sums.add(mine);
    EXPECT_FALSE(sums.over_all_ranks(group).exchanged_alike(group.world()));
    try {
      throw_different_exchanges(mine, group, 7);
    } catch (const CommError& problem) {
      EXPECT_THAT(problem.what(), testing::HasSubstr("step 7: the ranks have exchanged different "
                                                     "gradients: rank 1 has started"));
      EXPECT_EQ(problem.fault(), FaultClass::kBug);
    }
  }
}

TEST(DifferenceText, NamesTheFirstThatDiffersOnBothSides) {
  const std::vector<ArenaRange> whole = {{0, 64}, {64, 128}};
  EXPECT_EQ(
      difference_text({{64, 128}, {0, 64}}, whole),
      "has started, as all-reduce number 0 of the step, one of elements 64 to 128, and rank 0 "
      "one of elements 0 to 64");
  EXPECT_EQ(difference_text({{0, 64}}, whole),
            "has started, as all-reduce number 1 of the step, none, and rank 0 one of elements 64 "
            "to 128");
}

}  // namespace
}  // namespace catamaran
