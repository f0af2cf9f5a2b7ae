#include "launch/nvidia_smi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kWell =
    "00000000:41:00.0, NVIDIA H100 80GB HBM3, 550.127.05, 81559, 4, 0\n"
    "00000000:C1:00.0, NVIDIA H100 80GB HBM3, 550.127.05, 81559, 4, 0\n";

TEST(NvidiaSmi, OfGpusThatAreWellTellsTheDriverAlone) {
  const auto found = judge_gpu_lines(kWell);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], fine("gpu-driver", "driver 550.127.05"));
}

TEST(NvidiaSmi, ForbidsAGpuWithUncorrectableErrors) {
  const auto found = judge_gpu_lines(
      "00000000:41:00.0, NVIDIA H100 80GB HBM3, 550.127.05, 81559, 4, 0\n"
      "00000000:C1:00.0, NVIDIA H100 80GB HBM3, 550.127.05, 81559, 4, 3\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].level, FindingLevel::kFail);
  EXPECT_THAT(found[0].what,
              HasSubstr("3 uncorrectable error(s) of the memory of GPU 0000:c1:00.0"));
}

TEST(NvidiaSmi, WarnsOfMemoryThatIsInUseAlready) {
  const auto found = judge_gpu_lines("00000000:41:00.0, NVIDIA A100, 550.127.05, 40960, 1025, 0\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].level, FindingLevel::kWarn);
  EXPECT_THAT(found[0].what, HasSubstr("1025 of 40960 MiB"));
}

TEST(NvidiaSmi, TakesWhatAGpuDoesNotTellForNothing) {
  for (const char* line :
       {"00000000:01:00.0, NVIDIA GeForce RTX 4090, 550.1, [N/A], [Not Supported], [N/A]\n"})
    EXPECT_EQ(judge_gpu_lines(line).size(), 1U);
  EXPECT_THAT(judge_gpu_lines(""), IsEmpty());
  EXPECT_THAT(judge_gpu_lines("No devices were found\n"), IsEmpty());
}

TEST(NvidiaSmi, ForbidsRowsThatCouldNotBeReplacedAndWarnsOfThoseThatAreToBe) {
  EXPECT_THAT(judge_row_lines("00000000:41:00.0, 0, 0\n00000000:C1:00.0, No, No\n"), IsEmpty());
  for (const char* line : {"00000000:41:00.0, 0, 1\n", "00000000:41:00.0, Yes, Yes\n"}) {
    const auto found = judge_row_lines(line);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].level, FindingLevel::kFail);
  }
  for (const char* line : {"00000000:41:00.0, 1, 0\n", "00000000:41:00.0, Yes, No\n"}) {
    const auto found = judge_row_lines(line);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].level, FindingLevel::kWarn);
  }
  EXPECT_THAT(judge_row_lines("00000000:41:00.0, [N/A], [N/A]\n"), IsEmpty());
}

}  // namespace
}  // namespace catamaran
