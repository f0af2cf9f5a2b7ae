#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <new>

#include "trainer/api.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What main would say of the exception that `work` ends in.
template <typename Work>
Error caught(Work&& work) {
  try {
    work();
  } catch (const std::exception& problem) {
    return as_error(problem);
  }
  return {ErrorKind::kInternal, "nothing was thrown", "", ""};
}

TEST(TorchError, IsOneLineWithoutAStackTrace) {
  const Error error = caught([] { torch::ones({2, 3}).matmul(torch::ones({2, 3})); });
  EXPECT_EQ(error.kind(), ErrorKind::kInternal);
  EXPECT_THAT(error.what(), testing::StartsWith("LibTorch: "));
  EXPECT_THAT(error.what(), HasSubstr("mat1 and mat2 shapes cannot be multiplied"));
  EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
  EXPECT_THAT(error.what(), Not(HasSubstr("Exception raised from")));
}

TEST(TorchError, SaysWhatToLowerWhenMemoryRunsOut) {
  const Error allocator = caught([] { torch::empty({int64_t{1} << 52}); });
  EXPECT_THAT(allocator.what(), HasSubstr("out of memory"));
  EXPECT_THAT(allocator.what(), HasSubstr("you tried to allocate 18014398509481984 bytes"));
  EXPECT_THAT(allocator.what(), HasSubstr("batch.per_device"));
  EXPECT_THAT(allocator.what(), Not(HasSubstr("\n")));
  const Error library = caught([] { throw std::bad_alloc(); });
  EXPECT_THAT(library.what(), HasSubstr("batch.per_device"));
  const Error gpu =
      caught([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory."); });
  EXPECT_THAT(gpu.what(), HasSubstr("CUDA out of memory."));
  EXPECT_THAT(gpu.what(), HasSubstr("batch.per_device"));
}

TEST(TorchError, TakesTheNodeOfABrokenGpuForBad) {
  const Error broken = caught([] {
    TORCH_CHECK(false, "CUDA error: uncorrectable ECC error encountered\nCUDA kernel errors might");
  });
  EXPECT_EQ(broken.kind(), ErrorKind::kCommunication);
  EXPECT_EQ(broken.fault(), FaultClass::kBadNode);
  ASSERT_EQ(broken.bad_hosts().size(), 1U);
  EXPECT_THAT(broken.what(), HasSubstr("bad node: start again without " + broken.bad_hosts()[0]));
  const Error other = caught([] { TORCH_CHECK(false, "CUDA error: invalid argument"); });
  EXPECT_EQ(other.fault(), FaultClass::kUnknown);
}

TEST(TorchError, SaysWhereMemoryRanOutAndNoPlaceOfAnythingElse) {
  const std::string place = "rank 1 on node3, step 5, after forward";
  EXPECT_THAT(as_error(std::bad_alloc(), place).what(),
              testing::StartsWith("out of memory (" + place + "): "));
  EXPECT_STREQ(as_error(DataError("damaged", "file", "copy it again"), place).what(),
               "file: damaged; copy it again");
}

bool is_memory(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& problem) {
    return is_out_of_memory(problem);
  }
  return false;
}

TEST(TorchError, TellsWhetherMemoryRanOut) {
  EXPECT_TRUE(is_memory([] { torch::empty({int64_t{1} << 52}); }));
  EXPECT_TRUE(is_memory([] { throw std::bad_alloc(); }));
  EXPECT_TRUE(is_memory([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory."); }));
  EXPECT_FALSE(is_memory([] { torch::ones({2, 3}).matmul(torch::ones({2, 3})); }));
  EXPECT_FALSE(is_memory([] { throw WeightsError("damaged", "file", "copy it again"); }));
}

TEST(TorchError, LeavesErrorsOfOursAsTheyAre) {
  const Error error = caught([] { throw WeightsError("damaged", "file", "copy it again"); });
  EXPECT_EQ(error.kind(), ErrorKind::kWeights);
  EXPECT_STREQ(error.what(), "file: damaged; copy it again");
}

}  // namespace
}  // namespace catamaran
