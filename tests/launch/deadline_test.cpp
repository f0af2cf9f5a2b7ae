#include "launch/deadline.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

const ProgramStart kStart{.on_steady_clock = 500, .on_wall_clock = 1'700'000'000.5};

TEST(FindDeadline, CountsMaxTimeFromTheProgramsStart) {
  const std::optional<Deadline> found = find_deadline(90, nullptr, kStart);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->steady_seconds, 590);
  EXPECT_EQ(found->set_by, "--max-time");
}

TEST(FindDeadline, BringsTheEndOfTheSlurmJobToTheSteadyClock) {
  const std::optional<Deadline> found = find_deadline(std::nullopt, "1700000100", kStart);
  ASSERT_TRUE(found);
  EXPECT_DOUBLE_EQ(found->steady_seconds, 599.5);
  EXPECT_EQ(found->set_by, "Slurm's end of the job");
}

TEST(FindDeadline, LetsMaxTimeTakeThePlaceOfTheJobsEnd) {
  EXPECT_EQ(find_deadline(9000, "1700000100", kStart)->steady_seconds, 9500);
}

TEST(FindDeadline, IsNoneWithoutEither) {
  EXPECT_FALSE(find_deadline(std::nullopt, nullptr, kStart));
  EXPECT_FALSE(find_deadline(std::nullopt, "", kStart));
}

TEST(FindDeadline, TakesNoJobsEndThatIsPastOrNoTime) {
  for (const char* wrong : {"1700000000", "0", "-5", "1e9", "1700000100x", " 1700000100", "Unknown",
                            "99999999999999999999"})
    EXPECT_FALSE(find_deadline(std::nullopt, wrong, kStart)) << wrong;
}

}  // namespace
}  // namespace catamaran
