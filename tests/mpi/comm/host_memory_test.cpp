// What communicators of host memory offer beside sums of fp32: 16-bit floats, memory, finished
// operations.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "comm/half_floats.h"
#include "comm/mpi_communicator.h"
#include "mpi_test_environment.h"
#include "support/error.h"

namespace catamaran {
namespace {

ProcessGroup& group() { return *test_group(); }

template <typename Half>
void check_sums(DataType type) {
  const int world = group().world();
  for (const int64_t count : {0, 1, 7, 1001, 70'000}) {
    std::vector<uint16_t> data(static_cast<size_t>(count));
    const auto value = [](size_t i, int rank) {
      return static_cast<float>((i + 3 * static_cast<size_t>(rank)) % 31);
    };
    for (size_t i = 0; i < data.size(); ++i) data[i] = Half::from_float(value(i, group().rank()));
    group().gradients().all_reduce(data.data(), count, type, ReduceOp::kSum);
    for (size_t i = 0; i < data.size(); ++i) {
      float sum = 0;
      for (int r = 0; r < world; ++r) sum += value(i, r);
      ASSERT_EQ(Half::to_float(data[i]), sum) << "element " << i << " of " << count;
    }
  }
  for (const ReduceOp op : {ReduceOp::kMin, ReduceOp::kMax}) {
    std::vector<uint16_t> data(33, Half::from_float(static_cast<float>(group().rank()) - 0.5F));
    group().gradients().all_reduce(data.data(), 33, type, op);
    const int who = op == ReduceOp::kMin ? 0 : world - 1;
    for (const uint16_t bits : data)
      ASSERT_EQ(Half::to_float(bits), static_cast<float>(who) - 0.5F);
  }
}

TEST(MpiCommunicator, SumsBFloat16Exactly) { check_sums<BFloat16>(DataType::kBFloat16); }
TEST(MpiCommunicator, SumsFloat16Exactly) { check_sums<Float16>(DataType::kFloat16); }

TEST(MpiCommunicator, GivesMemoryThatIsAlignedAndZero) {
  for (const int64_t bytes : {0, 1, 4096, 1'000'003}) {
    const auto memory = group().gradients().allocate(bytes);
    EXPECT_EQ(memory->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % 64, 0U);
    for (int64_t i = 0; i < bytes; ++i) ASSERT_EQ(static_cast<const char*>(memory->data())[i], 0);
  }
}

TEST(MpiCommunicator, TellsOnceWhichSumsHaveFinishedAndWhen) {
  if (group().world() == 1) return;
  MpiCommunicator comm(MPI_COMM_WORLD, "this-host", 20);
  std::vector<float> first(1000, 1);
  std::vector<double> second(10, 1);
  const double before = steady_seconds();
  comm.start_all_reduce(first.data(), 1000, DataType::kFloat32, ReduceOp::kSum, nullptr);
  comm.start_all_reduce(second.data(), 10, DataType::kFloat64, ReduceOp::kSum, nullptr);
  EXPECT_FALSE(comm.idle());
  comm.wait_all(nullptr);
  EXPECT_TRUE(comm.idle());
  comm.broadcast(first.data(), 4000, 0, nullptr);
  const std::vector<FinishedOperation> finished = comm.take_finished();
  ASSERT_EQ(finished.size(), 2U) << "all-reduces alone";
  EXPECT_EQ(finished[0].bytes, 4000);
  EXPECT_EQ(finished[1].bytes, 80);
  EXPECT_GE(finished[0].start_seconds, before);
  EXPECT_GE(finished[0].end_seconds, finished[0].start_seconds);
  EXPECT_LE(finished[1].end_seconds, steady_seconds());
  EXPECT_TRUE(comm.take_finished().empty());
}

}  // namespace
}  // namespace catamaran
