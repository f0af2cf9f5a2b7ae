// Every other rank's heartbeats reach rank 0, at the address that the group was told.
#include "comm/heartbeats.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "mpi_test_environment.h"
#include "support/clock.h"

namespace catamaran {
namespace {

bool all_are_heard(const HeartbeatListener& listener, int world) {
  for (int rank = 1; rank < world; ++rank) {
    if (!listener.heard()[static_cast<size_t>(rank)]) return false;
  }
  return true;
}

TEST(Heartbeats, OfEachOtherRankReachRankZero) {
  ProcessGroup& group = *test_group();
  const Heartbeats heartbeats(
      group, [&group] { return Heartbeat{.step = 100 + group.rank(), .place = ""}; });
  const auto listener = heartbeats.listener();
  EXPECT_EQ(listener != nullptr, group.is_root() && group.world() > 1);
  if (listener) {
    const Stopwatch waiting;
    while (!all_are_heard(*listener, group.world()) && waiting.seconds() < 60)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    for (int rank = 1; rank < group.world(); ++rank) {
      const auto heard = listener->heard()[static_cast<size_t>(rank)];
      EXPECT_TRUE(heard.has_value()) << "rank " << rank;
      if (heard) {
        EXPECT_EQ(heard->newest.step, 100 + rank);
      }
    }
  }
  group.barrier();
}

}  // namespace
}  // namespace catamaran
