// What NCCL is asked for and when: sums, order, streams and events, over fakes that run work as
// late as it may.
#include <nccl.h>

#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "comm/half_floats.h"
#include "nccl_test.h"
#include "support/hash.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

class NcclSums : public NcclTest {};

TEST_F(NcclSums, AreExactForEverySizeAndType) {
  const auto comm = communicator();
  EXPECT_EQ(comm->backend(), "nccl");
  EXPECT_EQ(comm->rank(), rank());
  EXPECT_EQ(comm->world(), world());
  const auto check = [&]<typename Number>(DataType type, Number) {
    for (const int64_t count : {0, 1, 3, 1000, 100'001}) {
      std::vector<Number> data(static_cast<size_t>(count));
      const auto value = [](size_t i, int r) {
        return static_cast<Number>((i * 7 + static_cast<size_t>(r) * 3) % 60);
      };
      for (size_t i = 0; i < data.size(); ++i) data[i] = value(i, rank());
      comm->all_reduce(data.data(), count, type, ReduceOp::kSum);
      for (size_t i = 0; i < data.size(); ++i) {
        ASSERT_EQ(data[i], static_cast<Number>(sum_over_ranks([&](int r) { return value(i, r); })))
            << "element " << i << " of " << count;
      }
    }
  };
  check(DataType::kFloat32, float{});
  check(DataType::kFloat64, double{});
  check(DataType::kInt64, int64_t{});
  check(DataType::kUint64, uint64_t{});
  check(DataType::kUint8, uint8_t{});
}

TEST_F(NcclSums, OfSixteenBitFloatsAreThoseOfTheirOwnTypes) {
  const auto comm = communicator();
  const auto check = [&]<typename Half>(DataType type, Half) {
    std::vector<uint16_t> data(101);
    for (size_t i = 0; i < data.size(); ++i)
      data[i] = Half::from_float(static_cast<float>(i) + static_cast<float>(rank()));
    comm->all_reduce(data.data(), 101, type, ReduceOp::kSum);
    for (size_t i = 0; i < data.size(); ++i) {
      const float sum =
          static_cast<float>(sum_over_ranks([&](int r) { return static_cast<int>(i) + r; }));
      ASSERT_EQ(data[i], Half::from_float(sum)) << i;
    }
  };
  check(DataType::kBFloat16, BFloat16{});
  check(DataType::kFloat16, Float16{});
  EXPECT_THAT(fake_gpu::collectives(),
              ElementsAre(Field(&fake_gpu::Collective::type, ncclBfloat16),
                          Field(&fake_gpu::Collective::type, ncclFloat16)));
}

TEST_F(NcclSums, HaveTheSameBitsOnEveryRank) {
  const auto comm = communicator();
  std::mt19937 random(static_cast<unsigned>(rank() + 1));
  std::normal_distribution<float> normal;
  std::vector<float> data(30'001);
  for (float& value : data) value = normal(random);
  comm->all_reduce(data.data(), 30'001, DataType::kFloat32, ReduceOp::kSum);
  const uint64_t mine = xxh3(data.data(), data.size() * sizeof(float));
  uint64_t highest = mine;
  group().host().all_reduce(&highest, 1, DataType::kUint64, ReduceOp::kMax);
  uint64_t lowest = mine;
  group().host().all_reduce(&lowest, 1, DataType::kUint64, ReduceOp::kMin);
  EXPECT_EQ(lowest, highest);
}

TEST_F(NcclSums, MinimaMaximaAndBroadcastsComeOutRight) {
  const auto comm = communicator();
  int64_t lowest = 10 - rank();
  int64_t highest = rank();
  comm->all_reduce(&lowest, 1, DataType::kInt64, ReduceOp::kMin);
  comm->all_reduce(&highest, 1, DataType::kInt64, ReduceOp::kMax);
  EXPECT_EQ(lowest, 10 - (world() - 1));
  EXPECT_EQ(highest, world() - 1);
  for (int root = 0; root < world(); ++root) {
    std::string text = "from " + std::to_string(rank());
    comm->broadcast(text.data(), static_cast<int64_t>(text.size()), root, nullptr);
    EXPECT_EQ(text, "from " + std::to_string(root));
  }
}

TEST_F(NcclSums, AreAskedForInOrderInPlaceOnAStreamOfTheHighestPriority) {
  const auto comm = communicator();
  std::vector<float> bucket(1000, 1);
  int64_t number = 1;
  comm->start_all_reduce(bucket.data(), 1000, DataType::kFloat32, ReduceOp::kSum, nullptr);
  comm->start_all_reduce(&number, 1, DataType::kInt64, ReduceOp::kMax, nullptr);
  comm->wait_all(nullptr);
  comm->broadcast(bucket.data(), 4000, world() - 1, nullptr);
  const auto asked = [](const char* function, int64_t count, int type, int op_or_root) {
    using Call = fake_gpu::Collective;
    return testing::AllOf(Field(&Call::function, function), Field(&Call::count, count),
                          Field(&Call::type, type), Field(&Call::op_or_root, op_or_root),
                          Field(&Call::stream_priority, -5),
                          Field(&Call::stream_waits_for_default, false));
  };
  EXPECT_THAT(fake_gpu::collectives(),
              ElementsAre(asked("ncclAllReduce", 1000, ncclFloat32, ncclSum),
                          asked("ncclAllReduce", 1, ncclInt64, ncclMax),
                          asked("ncclBroadcast", 4000, ncclUint8, world() - 1)));
}

TEST_F(NcclSums, StayInOrderWhenMoreAreUnderWayThanAreRemembered) {
  const auto comm = communicator();
  std::vector<double> values(150);
  std::iota(values.begin(), values.end(), rank());
  for (double& value : values)
    comm->start_all_reduce(&value, 1, DataType::kFloat64, ReduceOp::kSum, nullptr);
  comm->wait_all(nullptr);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i], sum_over_ranks([&](int r) { return static_cast<double>(i) + r; }));
  }
}

TEST_F(NcclSums, ReadWhatTheCallersStreamHasMadeBeforeThem) {
  const auto comm = communicator();
  const ComputeStream compute;
  for (void* const stream : {compute.get(), static_cast<void*>(nullptr)}) {
    std::vector<float> first(8, -1);
    std::vector<float> second(8, -1);
    fake_gpu::launch(stream, [&] { first.assign(8, 1); });
    comm->start_all_reduce(first.data(), 8, DataType::kFloat32, ReduceOp::kSum, stream);
    fake_gpu::launch(stream, [&] { second.assign(8, 2); });
    comm->start_all_reduce(second.data(), 8, DataType::kFloat32, ReduceOp::kSum, stream);
    comm->wait_all(stream);
    EXPECT_EQ(first, std::vector<float>(8, static_cast<float>(world())));
    EXPECT_EQ(second, std::vector<float>(8, static_cast<float>(2 * world())));
  }
}

TEST_F(NcclSums, BroadcastsReadWhatTheCallersStreamHasMadeBeforeThem) {
  const auto comm = communicator();
  const ComputeStream compute;
  int64_t value = -1;
  fake_gpu::launch(compute.get(), [&] { value = 40 + rank(); });
  comm->broadcast(&value, sizeof value, world() - 1, compute.get());
  EXPECT_EQ(value, 40 + world() - 1);
}

TEST_F(NcclSums, RunBesideLaterWorkOfTheCallersStream) {
  const auto comm = communicator();
  const ComputeStream compute;
  float gradient = 1;
  bool later_work_ran = false;
  comm->start_all_reduce(&gradient, 1, DataType::kFloat32, ReduceOp::kSum, compute.get());
  fake_gpu::launch(compute.get(), [&] { later_work_ran = true; });
  const int64_t waits = fake_gpu::calls("cudaStreamWaitEvent");
  comm->wait_all(compute.get());
  EXPECT_EQ(fake_gpu::calls("cudaStreamWaitEvent"), waits + 1) << "not the host alone waits";
  EXPECT_EQ(gradient, static_cast<float>(world()));
  EXPECT_FALSE(later_work_ran) << "the sum waited for what does not concern it";
  float seen = 0;
  fake_gpu::launch(compute.get(), [&] { seen = gradient; });
  fake_gpu::synchronise(compute.get());
  EXPECT_TRUE(later_work_ran);
  EXPECT_EQ(seen, gradient);
}

TEST_F(NcclSums, StartWithoutWaitingForOtherRanks) {
  const auto comm = communicator();
  float value = 1;
  // Rank by rank: a start that waited for the ranks behind it would never come back.
  for (int turn = 0; turn < world(); ++turn) {
    if (turn == rank())
      comm->start_all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum, nullptr);
    comm->progress();
    group().barrier();
  }
  comm->wait_all(nullptr);
  EXPECT_EQ(value, static_cast<float>(world()));
}

TEST_F(NcclSums, MayBeStartedByAutogradsThread) {
  const auto comm = communicator();
  const ComputeStream compute;
  float value = 0;
  std::thread([&] {
    cudaSetDevice(rank());
    fake_gpu::launch(compute.get(), [&] { value = 1; });
    comm->start_all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum, compute.get());
    comm->progress();
  }).join();
  comm->wait_all(compute.get());
  EXPECT_EQ(value, static_cast<float>(world()));
}

TEST_F(NcclSums, LeaveNoErrorBehindForLibTorchToFind) {
  const auto comm = communicator();
  float value = 1;
  if (rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));  // others poll
  comm->all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(NcclSums, AWaitForNothingAsksTheDeviceNothing) {
  const auto comm = communicator();
  comm->wait_all(nullptr);
  EXPECT_EQ(fake_gpu::calls("cudaEventQuery"), 0);
  EXPECT_EQ(fake_gpu::calls("cudaStreamWaitEvent"), 0);
}

}  // namespace
}  // namespace catamaran
