// Memory that is registered with NCCL: what it is asked for, what happens where it refuses, and
// what is given back.
#include <nccl.h>

#include <vector>

#include "nccl_test.h"

namespace catamaran {
namespace {

class NcclMemory : public NcclTest {
 protected:
  static constexpr int64_t kCount = 1000;

  // A sum in the memory is right, wherever it comes from.
  static void expect_sums(Communicator& comm, ExchangeMemory& memory) {
    const std::vector<float> mine(kCount, static_cast<float>(rank() + 1));
    memory.write(0, mine.data(), kCount * 4);
    comm.all_reduce(memory.data(), kCount, DataType::kFloat32, ReduceOp::kSum);
    std::vector<float> sums(kCount);
    memory.read(0, sums.data(), kCount * 4);
    EXPECT_EQ(sums, std::vector<float>(kCount, static_cast<float>(world() * (world() + 1) / 2)));
  }
};

TEST_F(NcclMemory, IsAllocatedAndRegisteredAndGivenBackInTheOtherOrder) {
  const auto comm = communicator();
  auto memory = comm->allocate(kCount * 4);
  EXPECT_EQ(memory->bytes(), kCount * 4);
  EXPECT_EQ(fake_gpu::calls("ncclMemAlloc"), 1);
  EXPECT_EQ(fake_gpu::calls("ncclCommRegister"), 1);
  expect_sums(*comm, *memory);
  memory.reset();
  EXPECT_EQ(fake_gpu::calls("ncclCommDeregister"), 1);
  EXPECT_EQ(fake_gpu::calls("ncclMemFree"), 1);
}

TEST_F(NcclMemory, ComesFromCudaWhereNcclHasNoneAndIsRegisteredOnNoRank) {
  const auto comm = communicator();
  if (rank() == world() - 1) fake_gpu::fail_call("ncclMemAlloc", ncclSystemError);
  const auto memory = comm->allocate(kCount * 4);
  EXPECT_EQ(fake_gpu::calls("ncclCommRegister"), 0) << "some ranks alone would be undefined";
  EXPECT_EQ(fake_gpu::calls("cudaMalloc"), rank() == world() - 1 ? 1 : 0);
  expect_sums(*comm, *memory);
}

TEST_F(NcclMemory, IsRegisteredOnNoRankWhereOneCannot) {
  const auto comm = communicator();
  if (rank() == 0) fake_gpu::fail_call("ncclCommRegister", ncclInternalError);
  const auto memory = comm->allocate(kCount * 4);
  EXPECT_EQ(fake_gpu::calls("ncclCommDeregister"), rank() == 0 ? 0 : 1);
  expect_sums(*comm, *memory);
}

TEST_F(NcclMemory, IsLeftToTheEndOfTheProcessAfterAnError) {
  auto comm = communicator();
  auto memory = comm->allocate(kCount * 4);
  fake_gpu::faults().broken_collective = 0;
  fake_gpu::faults().broken_by = ncclRemoteError;
  EXPECT_THAT(comm_error_of([&] {
                comm->all_reduce(memory->data(), kCount, DataType::kFloat32, ReduceOp::kSum);
              }),
              testing::HasSubstr("remote process exited"));
  void* const data = memory->data();
  memory.reset();
  EXPECT_EQ(fake_gpu::calls("ncclMemFree"), 0) << "it would wait for the device";
  fake_gpu::faults() = {};
  comm.reset();
  fake_gpu::forget_registration(data);
  ncclMemFree(data);
}

TEST_F(NcclMemory, OfAnotherCommunicatorOnTheDeviceIsLeftAsWell) {
  const auto device = std::make_shared<DeviceState>();
  auto whole = communicator(20, device);
  auto broken = communicator(20, device);
  auto memory = whole->allocate(kCount * 4);
  fake_gpu::faults().broken_collective = 0;
  fake_gpu::faults().broken_by = ncclRemoteError;
  float value = 1;
  EXPECT_THAT(
      comm_error_of([&] { broken->all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum); }),
      testing::HasSubstr("remote process exited"));
  void* const data = memory->data();
  memory.reset();
  EXPECT_EQ(fake_gpu::calls("ncclMemFree"), 0) << "it would wait for the device";
  fake_gpu::faults() = {};
  whole.reset();
  broken.reset();
  fake_gpu::forget_registration(data);
  ncclMemFree(data);
}

TEST_F(NcclMemory, MayBeOfNoBytes) {
  const auto comm = communicator();
  EXPECT_EQ(comm->allocate(0)->bytes(), 0);
}

TEST_F(NcclMemory, IsAnErrorWhereCudaHasNoneEither) {
  const auto comm = communicator();
  fake_gpu::fail_call("ncclMemAlloc", ncclSystemError);
  fake_gpu::fail_call("cudaMalloc", cudaErrorMemoryAllocation);
  EXPECT_THAT(comm_error_of([&] { comm->allocate(4000); }),
              testing::HasSubstr("cudaMalloc of 4000 bytes"));
}

TEST_F(NcclMemory, FinishedOperationsAreToldOnceOldestFirst) {
  const auto comm = communicator();
  float value = 1;
  std::vector<double> bucket(100, 1);
  const double before = steady_seconds();
  comm->start_all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum, nullptr);
  comm->start_all_reduce(bucket.data(), 100, DataType::kFloat64, ReduceOp::kSum, nullptr);
  EXPECT_FALSE(comm->idle());
  comm->wait_all(nullptr);
  EXPECT_TRUE(comm->idle());
  comm->broadcast(&value, 4, 0, nullptr);
  const std::vector<FinishedOperation> finished = comm->take_finished();
  ASSERT_EQ(finished.size(), 2U);
  EXPECT_EQ(finished[0].bytes, 4);
  EXPECT_EQ(finished[1].bytes, 800);
  EXPECT_GE(finished[0].start_seconds, before);
  EXPECT_LE(finished[0].start_seconds, finished[0].end_seconds);
  EXPECT_LE(finished[1].end_seconds, steady_seconds());
  EXPECT_TRUE(comm->take_finished().empty());
}

}  // namespace
}  // namespace catamaran
