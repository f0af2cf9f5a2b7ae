// NCCL itself on GPUs, one for each rank; skipped where there are fewer. The same code over fakes,
// and every fault: tests/mpi/nccl.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/nccl_communicator.h"
#include "mpi_test_environment.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

class DeviceFloats {
 public:
  explicit DeviceFloats(int64_t count) : count_(count) {
    EXPECT_EQ(cudaMalloc(&data_, bytes()), cudaSuccess);
  }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;
  ~DeviceFloats() { cudaFree(data_); }
  void* get() const { return data_; }
  size_t bytes() const { return static_cast<size_t>(count_) * sizeof(float); }
  void copy_from(const std::vector<float>& host, cudaStream_t stream) {
    EXPECT_EQ(cudaMemcpyAsync(data_, host.data(), bytes(), cudaMemcpyHostToDevice, stream),
              cudaSuccess);
  }
  std::vector<float> on_host(cudaStream_t stream) const {
    std::vector<float> host(static_cast<size_t>(count_));
    EXPECT_EQ(cudaMemcpyAsync(host.data(), data_, bytes(), cudaMemcpyDeviceToHost, stream),
              cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    return host;
  }

 private:
  int64_t count_;
  void* data_ = nullptr;
};

class NcclOnGpu : public testing::Test {
 protected:
  // All ranks skip alike: each of them knows what all see.
  void SetUp() override {
    try {
      gpus_.emplace(make_process_group(
          *test_session(), {.backend = "nccl", .timeout_seconds = 60, .threads_per_rank = 1}));
    } catch (const UsageError& problem) {
      GTEST_SKIP() << problem.what();
    }
    ASSERT_EQ(cudaSetDevice(gpus_->device_index()), cudaSuccess);
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
  }
  void TearDown() override {
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }
  // Not the process group's own: that of a world of one is no NCCL.
  std::unique_ptr<Communicator> communicator(double timeout_seconds = 60) {
    return make_nccl_communicator(gpus_->host(), gpus_->device_index(), gpus_->host_name(),
                                  timeout_seconds);
  }
  int rank() const { return gpus_->rank(); }
  int world() const { return gpus_->world(); }

  std::optional<ProcessGroup> gpus_;
  cudaStream_t stream_ = nullptr;
};

TEST_F(NcclOnGpu, SumsExactlyBesideTheCallersStream) {
  const auto comm = communicator();
  for (const int64_t count : {1, 1000, 5 << 20}) {
    std::vector<float> mine(static_cast<size_t>(count));
    for (size_t i = 0; i < mine.size(); ++i)
      mine[i] = static_cast<float>((i * 7 + static_cast<size_t>(rank())) % 1000);
    DeviceFloats first(count);
    DeviceFloats second(count);
    for (DeviceFloats* bucket : {&first, &second}) {
      bucket->copy_from(mine, stream_);
      comm->start_all_reduce(bucket->get(), count, DataType::kFloat32, ReduceOp::kSum, stream_);
    }
    comm->wait_all(stream_);
    for (const DeviceFloats* bucket : {&first, &second}) {
      const std::vector<float> sums = bucket->on_host(stream_);
      for (size_t i = 0; i < sums.size(); ++i) {
        float expected = 0;
        for (int r = 0; r < world(); ++r)
          expected += static_cast<float>((i * 7 + static_cast<size_t>(r)) % 1000);
        ASSERT_EQ(sums[i], expected) << "element " << i << " of " << count;
      }
    }
  }
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(NcclOnGpu, BroadcastsFromEveryRank) {
  const auto comm = communicator();
  DeviceFloats values(3);
  for (int root = 0; root < world(); ++root) {
    values.copy_from(std::vector<float>(3, static_cast<float>(rank())), stream_);
    comm->broadcast(values.get(), static_cast<int64_t>(values.bytes()), root, stream_);
    EXPECT_EQ(values.on_host(stream_), std::vector<float>(3, static_cast<float>(root)));
  }
}

TEST_F(NcclOnGpu, ASilentPeerIsAnErrorAtTheTimeOutAndTheAbortReturns) {
  if (world() == 1) return;
  auto comm = communicator(5);
  DeviceFloats values(1000);
  if (rank() != world() - 1) {
    // The first collective may have to wait for its peers to be begun at all.
    const Stopwatch watch;
    EXPECT_THROW(comm->all_reduce(values.get(), 1000, DataType::kFloat32, ReduceOp::kSum, stream_),
                 CommError);
    EXPECT_LT(watch.seconds(), 15);
  }
  gpus_->barrier();
  const Stopwatch watch;
  comm.reset();
  EXPECT_LT(watch.seconds(), 2) << "the abort was left behind";
}

}  // namespace
}  // namespace catamaran
