#include "comm/operation_ring.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

TEST(OperationRing, DescribesAnOperationByKindSizeAndPlace) {
  OperationRing ring;
  EXPECT_EQ(ring.start("broadcast", 8), 0);
  const int64_t second = ring.start("all-reduce", 1048576);
  ring.finish();
  EXPECT_EQ(ring.describe(second),
            "all-reduce of 1048576 bytes, number 1 of this rank (1 finished)");
  EXPECT_EQ(ring.describe(0), "broadcast of 8 bytes, number 0 of this rank (1 finished)");
}

TEST(OperationRing, CountsAllAsFinishedAfterAWaitForAll) {
  OperationRing ring;
  for (int i = 0; i < 5; ++i) ring.start("all-reduce", 4);
  while (ring.finished() < ring.started()) ring.finish();
  EXPECT_EQ(ring.finished(), 5);
  EXPECT_EQ(ring.describe(ring.start("all-reduce", 4)),
            "all-reduce of 4 bytes, number 5 of this rank (5 finished)");
}

TEST(OperationRing, SaysWhatIsUnderWay) {
  OperationRing ring;
  EXPECT_EQ(ring.state().oldest, "");
  ring.start("all-reduce", 8);
  ring.start("all-reduce", 16);
  ring.finish();
  const CollectiveState state = ring.state();
  EXPECT_EQ(state.started, 2);
  EXPECT_EQ(state.finished, 1);
  EXPECT_EQ(state.oldest, "all-reduce of 16 bytes, number 1 of this rank (1 finished)");
}

TEST(OperationRing, KeepsTheLast64) {
  OperationRing ring;
  for (int64_t i = 0; i < 100; ++i) ring.start("all-reduce", i);
  EXPECT_EQ(ring.started(), 100);
  for (int64_t i = 36; i < 100; ++i)
    EXPECT_EQ(ring.describe(i).find("all-reduce of " + std::to_string(i) + " bytes"), 0u);
}

}  // namespace
}  // namespace catamaran
