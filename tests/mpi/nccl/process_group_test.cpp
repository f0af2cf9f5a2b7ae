// What a run makes of the GPUs that its ranks see.
#include <memory>
#include <vector>

#include "nccl_test.h"

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ProcessGroupOnGpus : public NcclTest {
 protected:
  static ProcessGroup make(const std::string& backend) {
    return make_process_group(*test_session(),
                              {.backend = backend, .timeout_seconds = 20, .threads_per_rank = 1});
  }
  static std::string refusal(const std::string& backend) {
    try {
      make(backend);
    } catch (const UsageError& problem) {
      return problem.what();
    }
    return "no UsageError";
  }
};

TEST_F(ProcessGroupOnGpus, BindsARankToAGpuOfItsOwnAndSumsWithNccl) {
  for (const char* backend : {"auto", "nccl"}) {
    ProcessGroup made = make(backend);
    EXPECT_EQ(made.device_kind(), DeviceKind::kCuda);
    EXPECT_EQ(made.device_index(), rank());
    EXPECT_EQ(made.gradients().backend(), world() == 1 ? "self" : "nccl");
    EXPECT_EQ(made.host().backend(), world() == 1 ? "self" : "mpi");
    float one = 1;
    made.gradients().all_reduce(&one, 1, DataType::kFloat32, ReduceOp::kSum);
    EXPECT_EQ(one, static_cast<float>(world()));
  }
}

// As in a backward pass: a layer's statistics do not wait for the gradients that are on their way.
TEST_F(ProcessGroupOnGpus, MakesAnotherCommunicatorWhoseSumsDoNotWaitForTheGradients) {
  ProcessGroup made = make("auto");
  const std::unique_ptr<Communicator> statistics = made.another_communicator();
  EXPECT_EQ(statistics->backend(), made.gradients().backend());
  std::vector<float> gradients(1000, 1);
  std::vector<double> sums(10, static_cast<double>(rank()));
  made.gradients().start_all_reduce(gradients.data(), 1000, DataType::kFloat32, ReduceOp::kSum,
                                    nullptr);
  statistics->all_reduce(sums.data(), 10, DataType::kFloat64, ReduceOp::kSum);
  EXPECT_EQ(sums[9], sum_over_ranks([](int r) { return static_cast<double>(r); }));
  made.gradients().wait_all(nullptr);
  EXPECT_EQ(gradients[999], static_cast<float>(world()));
}

TEST_F(ProcessGroupOnGpus, ObeysALauncherThatShowsEachRankItsOwnGpu) {
  fake_gpu::set_gpus({"0000:0" + std::to_string(rank() + 1) + ":00.0"});
  ProcessGroup made = make("nccl");
  EXPECT_EQ(made.device_index(), 0);
}

TEST_F(ProcessGroupOnGpus, RefusesTwoRanksOnOneGpuInOneSentence) {
  if (world() == 1) return;
  fake_gpu::set_gpus({"0000:01:00.0"});
  for (const char* backend : {"auto", "nccl"}) {
    const std::string text = refusal(backend);
    EXPECT_THAT(text, AllOf(HasSubstr("rank 1"),
                            HasSubstr("the 1 GPU(s) it sees are taken by other ranks")));
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
  EXPECT_EQ(fake_gpu::calls("ncclCommInitRankConfig"), 0);
  EXPECT_EQ(make("mpi").device_kind(), DeviceKind::kCpu) << "the deliberate choice";
}

TEST_F(ProcessGroupOnGpus, RefusesNcclWithoutAGpuInOneSentenceAndTakesTheCpuWhereItMay) {
  fake_gpu::set_gpus({});
  const std::string text = refusal("nccl");
  EXPECT_THAT(text, AllOf(HasSubstr("nccl needs a GPU for every rank"),
                          HasSubstr("CUDA says 'no CUDA-capable device is detected'"),
                          HasSubstr("use comm.backend = \"mpi\"")));
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(make("auto").device_kind(), DeviceKind::kCpu);
}

TEST_F(ProcessGroupOnGpus, RefusesAJobOfWhichOneRankHasNoGpu) {
  if (world() == 1) return;
  if (rank() == world() - 1) fake_gpu::fail_call("cudaDeviceGetPCIBusId", cudaErrorUnknown);
  EXPECT_THAT(refusal("auto"), HasSubstr("some ranks have a GPU, and there is none for rank " +
                                         std::to_string(world() - 1)));
}

}  // namespace
}  // namespace catamaran
