// Where the bits of gradients can be compared over ranks.
#include "trainer/gradient_probe.h"

#include <gtest/gtest.h>

#include "comm/mpi_communicator.h"
#include "comm/self_communicator.h"
#include "mpi_test_environment.h"

namespace catamaran {
namespace {

// This rank with so many threads.
ProcessGroup group_with_threads(int threads) {
  const ProcessGroup& all = *test_group();
  return ProcessGroup(all.rank(), all.world(), all.local_rank(), all.local_world(), all.host_name(),
                      DeviceKind::kCpu, 0, threads,
                      std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, all.host_name(), 30),
                      std::make_unique<SelfCommunicator>());
}

TEST(ProbeInterval, IsThatAskedForWhereRanksAreAlike) {
  ProcessGroup group = group_with_threads(2);
  EXPECT_EQ(probe_interval(7, group), group.world() > 1 ? 7 : 0);
  EXPECT_EQ(probe_interval(0, group), 0);
}

// Three ranks on two equal nodes: two have half of their node's cores each, one has all of its own.
TEST(ProbeInterval, IsNoneWhereOneRankHasAnotherNumberOfThreads) {
  ProcessGroup group =
      group_with_threads(test_group()->rank() + 1 == test_group()->world() ? 2 : 1);
  EXPECT_EQ(probe_interval(7, group), 0);
}

}  // namespace
}  // namespace catamaran
