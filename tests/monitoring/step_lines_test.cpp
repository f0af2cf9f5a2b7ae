#include "monitoring/step_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "support/error.h"
#include "temporary_directory.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

class StepLinesTest : public ::testing::Test {
 protected:
  void write_steps(int64_t from, int64_t to) {
    StepLines lines(path_, from);
    for (int64_t step = from; step <= to; ++step)
      lines.append({{"step", step}, {"ids", {"a", "b"}}});
  }

  TemporaryDirectory folder_;
  std::filesystem::path path_ = folder_.path() / "samples.jsonl";
};

TEST_F(StepLinesTest, DropTheStepsThatAResumedRunRepeats) {
  write_steps(1, 2);
  const std::string two = read_text(path_);
  EXPECT_EQ(two, "{\"step\":1,\"ids\":[\"a\",\"b\"]}\n{\"step\":2,\"ids\":[\"a\",\"b\"]}\n");
  write_steps(3, 9);
  write_steps(3, 2);
  EXPECT_EQ(read_text(path_), two);
}

TEST_F(StepLinesTest, DropALastLineThatAKillTore) {
  write_steps(1, 2);
  const std::string two = read_text(path_);
  write_text(path_, two + "{\"step\":3,\"ids\":[\"a\"");
  write_steps(5, 4);
  EXPECT_EQ(read_text(path_), two);
}

TEST_F(StepLinesTest, RefuseALineThatIsNoStep) {
  write_text(path_, "{\"step\":1}\n{\"ids\":[]}\n{\"step\":3}\n");
  try {
    write_steps(3, 2);
    FAIL() << "a line without a step was kept";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("samples.jsonl:2"));
  }
}

TEST_F(StepLinesTest, SayThatTheDiskTakesNoMore) {
  StepLines lines(path_, 1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit few_bytes = {10, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &few_bytes), 0);
  std::string said;
  try {
    lines.append({{"step", 1}, {"ids", {"a", "b"}}});
  } catch (const UsageError& error) {
    said = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(said, HasSubstr("samples.jsonl: cannot write: File too large"));
}

}  // namespace
}  // namespace catamaran
