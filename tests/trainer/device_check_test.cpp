#include "trainer/device_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace catamaran {
namespace {

using ::testing::HasSubstr;

TEST(DeviceCheckOfCpu, FindsItWell) {
  const DeviceCheck check = check_device(DeviceKind::kCpu, 0, 1, 0.05);
  EXPECT_TRUE(check.is_well()) << check.first_wrong;
  EXPECT_GE(check.products, 2);
  EXPECT_GT(check.flops_per_second, 0);
}

TEST(DeviceCheckOfCpu, FindsOneElementThatIsOneBitOff) {
  const DeviceCheck check =
      check_device(DeviceKind::kCpu, 0, 1, 0.01, [](float* values, int64_t count) {
        EXPECT_EQ(count, 512 * 512);
        values[3 * 512 + 17] = std::nextafter(values[3 * 512 + 17], 1e9F);
      });
  EXPECT_EQ(check.wrong, 1);
  EXPECT_FALSE(check.is_well());
  EXPECT_THAT(check.first_wrong, HasSubstr("fp32, row 3, column 17: "));
}

TEST(DeviceCheckOfCpu, FindsAProductOfNothingWrong) {
  const DeviceCheck check =
      check_device(DeviceKind::kCpu, 0, 1, 0.01,
                   [](float* values, int64_t count) { std::fill_n(values, count, 0.0F); });
  EXPECT_GT(check.wrong, 512 * 512 / 2) << "most elements are not 0";
}

TEST(GpuDeviceCheck, FindsAGpuWellInEveryType) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "there is no GPU";
  const DeviceCheck check = check_device(DeviceKind::kCuda, 0, 1, 1);
  EXPECT_TRUE(check.is_well()) << check.first_wrong;
  EXPECT_GE(check.products, 6);
}

}  // namespace
}  // namespace catamaran
