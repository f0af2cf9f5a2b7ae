#include "launch/doctor_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::HasSubstr;

TEST(DoctorDevice, FindsTheCpuWellAndTellsItsSpeed) {
  double speed = 0;
  const Finding finding = judge_device({}, "the CPU", 0.05, &speed);
  EXPECT_EQ(finding.level, FindingLevel::kOk) << finding.what;
  EXPECT_THAT(finding.what, HasSubstr("products of known matrices are right"));
  EXPECT_GT(speed, 0);
}

}  // namespace
}  // namespace catamaran
