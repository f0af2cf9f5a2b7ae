// What the driver tells of GPUs, and of one that it does not.
#include "comm/gpu_facts.h"

#include "comm/library_facts.h"
#include "nccl_test.h"

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class GpuFactsOf : public NcclTest {};

TEST_F(GpuFactsOf, AllThatThisProcessSees) {
  const GpuFacts facts = gpu_facts();
  ASSERT_EQ(facts.gpus.size(), 4U);
  EXPECT_EQ(facts.gpus[2].pci_bus_id, "0000:03:00.0");
  EXPECT_EQ(facts.gpus[2].name, "Fake GPU 2");
  EXPECT_EQ(facts.gpus[2].memory_bytes, int64_t{80} << 30);
  EXPECT_TRUE(facts.gpus[2].has_ecc);
  EXPECT_EQ(cuda_version_text(facts.driver_version), "13.0");
  EXPECT_EQ(cuda_version_text(facts.runtime_version), "13.0");
  EXPECT_FALSE(facts.visible.driver_failed);
  EXPECT_EQ(fake_gpu::open_handles(), 0) << "nothing is made on them";
}

TEST_F(GpuFactsOf, NoneWhereThereIsNone) {
  fake_gpu::set_gpus({});
  const GpuFacts facts = gpu_facts();
  EXPECT_TRUE(facts.gpus.empty());
  EXPECT_FALSE(facts.visible.driver_failed);
  EXPECT_THAT(facts.visible.reason, HasSubstr("no CUDA-capable device"));
}

TEST_F(GpuFactsOf, OneThatDoesNotAnswerFailsTheDriverByName) {
  fake_gpu::fail_call("cudaGetDeviceProperties", cudaErrorECCUncorrectable, 1);
  const GpuFacts facts = gpu_facts();
  EXPECT_TRUE(facts.gpus.empty());
  EXPECT_TRUE(facts.visible.driver_failed);
  EXPECT_THAT(facts.visible.reason,
              AllOf(HasSubstr("uncorrectable ECC error"), HasSubstr("0000:02:00.0")));
}

TEST_F(GpuFactsOf, NcclThatAnswersIsTheOneThatWasBuiltFor) {
  EXPECT_EQ(judge_nccl(nccl_facts()).level, FindingLevel::kOk);
  fake_gpu::fail_call("ncclGetVersion", ncclSystemError);
  EXPECT_EQ(judge_nccl(nccl_facts()).level, FindingLevel::kFail);
}

}  // namespace
}  // namespace catamaran
