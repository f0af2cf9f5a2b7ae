// NCCL communicators over the fakes: no fault is left to the next test, and no handle open.
#pragma once

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "comm/nccl_communicator.h"
#include "fake_gpu.h"
#include "mpi_test_environment.h"
#include "support/error.h"

namespace catamaran {

class NcclTest : public testing::Test {
 protected:
  void SetUp() override {
    fake_gpu::reset();
    group().barrier();
  }
  void TearDown() override {
    EXPECT_EQ(fake_gpu::open_handles(), 0);
    fake_gpu::reset();
    group().barrier();
  }

  static ProcessGroup& group() { return *test_group(); }
  static int rank() { return group().rank(); }
  static int world() { return group().world(); }
  static std::unique_ptr<Communicator> communicator(
      double timeout_seconds = 20,
      std::shared_ptr<DeviceState> device = std::make_shared<DeviceState>()) {
    return make_nccl_communicator(group().host(), rank(), "this-host", timeout_seconds,
                                  std::move(device));
  }
  // The sum of `value(rank)` over all ranks.
  template <typename Value>
  static auto sum_over_ranks(const Value& value) {
    auto sum = value(0);
    for (int r = 1; r < world(); ++r) sum += value(r);
    return sum;
  }
};

// The text of the CommError that `call` ends with.
template <typename Call>
std::string comm_error_of(const Call& call) {
  try {
    call();
  } catch (const CommError& problem) {
    return problem.what();
  }
  return "no CommError";
}

// The same, whole.
template <typename Call>
CommError thrown_by(const Call& call) {
  try {
    call();
  } catch (const CommError& problem) {
    return problem;
  }
  return {"no CommError", "", ""};
}

// A stream of the caller's, beside the default one; of the device that is current.
class ComputeStream {
 public:
  ComputeStream() { cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, 0); }
  ComputeStream(const ComputeStream&) = delete;
  ComputeStream& operator=(const ComputeStream&) = delete;
  ~ComputeStream() { cudaStreamDestroy(stream_); }
  void* get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace catamaran
