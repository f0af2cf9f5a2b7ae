// What the ranks bring to a step is summed, each number in its own place.
#include "trainer/step_sums.h"

#include <gtest/gtest.h>

#include "mpi_test_environment.h"

namespace catamaran {
namespace {

TEST(StepSums, AddUpOverRanksEachInItsPlace) {
  ProcessGroup& group = *test_group();
  const double mine = group.rank() + 1;
  StepSums sums;
  sums.loss = mine;
  sums.valid_labels = 10 * mine;
  sums.images = 100 * mine;
  sums.unreadable = 1000 * mine;
  sums.undecodable = 2000 * mine;
  sums.stop = 3000 * mine;
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
  EXPECT_EQ(all.unreadable, 1000 * total);
  EXPECT_EQ(all.undecodable, 2000 * total);
  EXPECT_EQ(all.stop, 3000 * total);
  EXPECT_EQ(all.data_wait_seconds, 4000 * total);
  EXPECT_EQ(all.forward_seconds, 5000 * total);
  EXPECT_EQ(all.backward_seconds, 6000 * total);
  EXPECT_EQ(all.exchange_seconds, 7000 * total);
  EXPECT_EQ(all.all_reduce_seconds, 8000 * total);
  EXPECT_EQ(all.last_bucket_seconds, 9000 * total);
}

}  // namespace
}  // namespace catamaran
