// What goes wrong with GPUs and NCCL ends in bounded time, with an error that says what, where and
// how to go on.
#include <nccl.h>

#include "nccl_test.h"
#include "support/clock.h"

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kTimeOut = 2;  // seconds: more than a rank of a busy machine is late

class NcclFaults : public NcclTest {
 protected:
  static std::string me() { return "rank " + std::to_string(rank()) + " on this-host, "; }
  static int last() { return world() - 1; }
};

void sum(Communicator& comm, int times = 1) {
  std::vector<float> values(static_cast<size_t>(times), 1);
  for (float& value : values)
    comm.start_all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum, nullptr);
  comm.wait_all(nullptr);
}

TEST_F(NcclFaults, ACollectiveThatNeverCompletesIsAnErrorAtTheTimeOutThatNamesTheOldestOne) {
  auto comm = communicator(kTimeOut);
  if (rank() == last()) fake_gpu::faults().hung_collective = 3;
  sum(*comm);
  const Stopwatch watch;
  std::vector<float> buckets(4000, 1);
  const std::string text = comm_error_of([&] {
    for (int64_t b = 0; b < 4; ++b) {
      comm->start_all_reduce(buckets.data() + b * 1000, 1000, DataType::kFloat32, ReduceOp::kSum,
                             nullptr);
    }
    comm->wait_all(nullptr);
  });
  EXPECT_THAT(text,
              HasSubstr(me() + "all-reduce of 4000 bytes, number 3 of this rank (3 finished): no "
                               "answer from at least one other rank within 2 s; look for a rank"));
  EXPECT_GE(watch.seconds(), kTimeOut);
  comm.reset();
  EXPECT_EQ(fake_gpu::calls("ncclCommAbort"), 1);
}

TEST_F(NcclFaults, ARankThatDoesNotStartItsSumIsNoticedByTheOthers) {
  if (world() == 1) return;
  auto comm = communicator(kTimeOut);
  if (rank() != last()) {
    EXPECT_THAT(comm_error_of([&] { sum(*comm); }),
                HasSubstr(me() + "all-reduce of 4 bytes, number 0 of this rank"));
  }
  group().barrier();
}

TEST_F(NcclFaults, ABroadcastThatNeverCompletesIsAnError) {
  auto comm = communicator(kTimeOut);
  fake_gpu::faults().hung_collective = 0;
  int64_t value = 0;
  EXPECT_THAT(comm_error_of([&] { comm->broadcast(&value, 8, 0, nullptr); }),
              HasSubstr(me() + "broadcast of 8 bytes, number 0 of this rank (0 finished): no"));
}

TEST_F(NcclFaults, AnAsynchronousErrorNamesTheCollectiveAndSaysWhatToLookAt) {
  const std::vector<std::pair<ncclResult_t, std::string>> advice = {
      {ncclSystemError, "NCCL_SOCKET_IFNAME"},
      {ncclRemoteError, "look for the first message of another rank"},
      {ncclUnhandledCudaError, "nvidia-smi"},
      {ncclInvalidUsage, "the same NCCL"},
      {ncclInternalError, "NCCL_DEBUG=WARN"}};
  for (const auto& [code, words] : advice) {
    auto comm = communicator();
    fake_gpu::faults().broken_collective = 1;
    fake_gpu::faults().broken_by = code;
    const Stopwatch watch;
    EXPECT_THAT(
        comm_error_of([&] { sum(*comm, 3); }),
        AllOf(HasSubstr(me() + "all-reduce of 4 bytes, number 1 of this rank (1 finished): " +
                        ncclGetErrorString(code) + " (made to break); "),
              HasSubstr(words)));
    EXPECT_LT(watch.seconds(), 20) << "an error that is known is not waited for";
    comm.reset();
    fake_gpu::faults() = {};
  }
}

TEST_F(NcclFaults, AnAsynchronousErrorIsSeenDuringTheBackwardPassToo) {
  auto comm = communicator();
  fake_gpu::faults().broken_collective = 0;
  fake_gpu::faults().broken_by = ncclRemoteError;
  float value = 1;
  comm->start_all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum, nullptr);
  comm->progress();  // the device comes to it
  EXPECT_THAT(comm_error_of([&] { comm->progress(); }), HasSubstr("remote process exited"));
}

TEST_F(NcclFaults, AnInitialisationThatHangsIsAnErrorAtTheTimeOut) {
  if (rank() == last()) fake_gpu::faults().init_hangs = true;
  const Stopwatch watch;
  EXPECT_THAT(comm_error_of([&] { communicator(kTimeOut); }),
              AllOf(HasSubstr(me() + "ncclCommInitRankConfig: no answer from at least one other "
                                     "rank within 2 s; look for a rank that did not start"),
                    HasSubstr("NCCL_SOCKET_IFNAME")));
  EXPECT_GE(watch.seconds(), kTimeOut);
  EXPECT_EQ(fake_gpu::calls("ncclCommAbort"), 1);
}

TEST_F(NcclFaults, AnInitialisationThatFailsIsAnErrorWithAdvice) {
  fake_gpu::faults().init_error = ncclSystemError;
  EXPECT_THAT(comm_error_of([&] { communicator(); }),
              AllOf(HasSubstr(me() + "ncclCommInitRankConfig: unhandled system error (made to "
                                     "fail); check that NCCL_SOCKET_IFNAME")));
  fake_gpu::faults() = {};
  fake_gpu::fail_call("ncclCommInitRankConfig", ncclInternalError);
  EXPECT_THAT(comm_error_of([&] { communicator(); }),
              HasSubstr(me() + "ncclCommInitRankConfig: internal error"));
}

TEST_F(NcclFaults, EveryRankIsToldWhenRank0HasNoId) {
  if (rank() == 0) fake_gpu::fail_call("ncclGetUniqueId", ncclSystemError);
  EXPECT_THAT(comm_error_of([&] { communicator(); }),
              HasSubstr(me() + "ncclGetUniqueId of rank 0: unhandled system error"));
}

TEST_F(NcclFaults, TwoRanksOnOneGpuAreRefusedByNcclToo) {
  if (world() == 1) return;
  EXPECT_THAT(comm_error_of([&] { make_nccl_communicator(group().host(), 0, "this-host", 20); }),
              HasSubstr("invalid usage (Duplicate GPU detected)"));
}

TEST_F(NcclFaults, AnAbortThatBlocksIsLeftBehind) {
  auto comm = communicator(kTimeOut);
  fake_gpu::faults().hung_collective = 0;
  fake_gpu::faults().abort_blocks = true;
  EXPECT_THAT(comm_error_of([&] { sum(*comm); }), HasSubstr("no answer"));
  const Stopwatch watch;
  comm.reset();
  EXPECT_GE(watch.seconds(), 2);
  EXPECT_EQ(fake_gpu::open_handles(), 1) << "the communicator alone";
  fake_gpu::reset();  // the thread that was left behind goes on
  for (const Stopwatch released; fake_gpu::open_handles() > 0 && released.seconds() < 10;)
    std::this_thread::yield();
}

TEST_F(NcclFaults, ACallThatCudaRefusesIsAnErrorThatNamesIt) {
  const auto use = [] {
    const auto comm = communicator();
    sum(*comm);
  };
  for (const std::string function :
       {"cudaSetDevice", "cudaDeviceGetStreamPriorityRange", "cudaStreamCreateWithPriority",
        "cudaEventCreateWithFlags", "cudaEventRecord", "cudaStreamWaitEvent", "cudaEventQuery"}) {
    fake_gpu::fail_call(function, cudaErrorLaunchFailure);
    EXPECT_THAT(comm_error_of(use), AllOf(HasSubstr(me() + function),
                                          HasSubstr(": unspecified launch failure; look at the "
                                                    "GPU's state with nvidia-smi and dmesg")));
    EXPECT_EQ(fake_gpu::open_handles(), 0) << function;
    fake_gpu::reset();
    group().barrier();
  }
}

TEST_F(NcclFaults, ACallThatNcclRefusesIsAnErrorThatNamesIt) {
  auto comm = communicator();
  fake_gpu::fail_call("ncclAllReduce", ncclUnhandledCudaError);
  EXPECT_THAT(comm_error_of([&] { sum(*comm); }),
              HasSubstr(me() + "all-reduce of 4 bytes, number 0 of this rank (0 finished): "
                               "unhandled cuda error (made to fail); look at the GPU"));
}

// Row 36 of the faults in docs/reliability.md: what a batch script does next hangs on it.
TEST_F(NcclFaults, Row36AnErrorOfCudaSaysWhetherTheNodeIsBadOrTheProgramAndNamesTheNode) {
  const std::vector<std::pair<cudaError_t, FaultClass>> classes = {
      {cudaErrorECCUncorrectable, FaultClass::kBadNode},
      {cudaErrorNvlinkUncorrectable, FaultClass::kBadNode},
      {cudaErrorLaunchFailure, FaultClass::kBadNode},
      {cudaErrorIllegalAddress, FaultClass::kBug},
      {cudaErrorMemoryAllocation, FaultClass::kUnknown}};
  for (const auto& [code, fault] : classes) {
    fake_gpu::fail_call("cudaEventRecord", code);
    const CommError error = thrown_by([] {
      const auto comm = communicator();
      sum(*comm);
    });
    EXPECT_EQ(error.fault(), fault) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(me() + "cudaEventRecord: " + cudaGetErrorString(code)));
    if (fault == FaultClass::kBadNode) {
      EXPECT_EQ(error.bad_hosts(), std::vector<std::string>{"this-host"});
      EXPECT_THAT(error.what(), HasSubstr("(bad node: start again without this-host, "));
    } else {
      EXPECT_TRUE(error.bad_hosts().empty());
    }
    fake_gpu::reset();
    group().barrier();
  }
}

TEST_F(NcclFaults, Row36AnErrorOfNcclSaysWhetherItMayBeTriedAgain) {
  const std::vector<std::pair<ncclResult_t, FaultClass>> classes = {
      {ncclRemoteError, FaultClass::kRetryable},
      {ncclSystemError, FaultClass::kRetryable},
      {ncclUnhandledCudaError, FaultClass::kUnknown},
      {ncclInternalError, FaultClass::kBug},
      {ncclInvalidUsage, FaultClass::kBug}};
  for (const auto& [code, fault] : classes) {
    auto comm = communicator();
    fake_gpu::faults().broken_collective = 0;
    fake_gpu::faults().broken_by = code;
    const CommError error = thrown_by([&] { sum(*comm); });
    EXPECT_EQ(error.fault(), fault) << error.what();
    EXPECT_EQ(error.bad_hosts().size(), fault == FaultClass::kBadNode ? 1U : 0U);
    EXPECT_THAT(error.what(), HasSubstr(words_of(fault, {"this-host"})));
    comm.reset();
    fake_gpu::faults() = {};
  }
}

TEST_F(NcclFaults, Row36APeerThatIsSilentMayBeTriedAgain) {
  auto comm = communicator(kTimeOut);
  fake_gpu::faults().hung_collective = 0;
  const CommError error = thrown_by([&] { sum(*comm); });
  EXPECT_EQ(error.fault(), FaultClass::kRetryable) << error.what();
  EXPECT_TRUE(error.bad_hosts().empty());
}

TEST_F(NcclFaults, RanksThatStartDifferentSumsAreNotLeftWithWrongOnes) {
  if (world() == 1) return;
  const auto comm = communicator();
  std::vector<float> values(8, 1);
  EXPECT_THAT(comm_error_of([&] {
                comm->all_reduce(values.data(), rank() == 0 ? 8 : 7, DataType::kFloat32,
                                 ReduceOp::kSum);
              }),
              HasSubstr("invalid usage"));
}

}  // namespace
}  // namespace catamaran
