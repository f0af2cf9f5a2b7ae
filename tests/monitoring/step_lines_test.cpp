#include "monitoring/step_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "file_size_limit.h"
#include "support/error.h"
#include "temporary_directory.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
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

TEST_F(StepLinesTest, SkipALineThatAFullDiskTore) {
  write_text(path_, "{\"step\":1}\n{\"step\":2,\"ids\":[\"a\n{\"step\":3}\n");
  std::vector<int64_t> steps;
  for_each_step_line(path_, [&](const std::string&, const nlohmann::json& line) {
    steps.push_back(line.at("step").get<int64_t>());
  });
  EXPECT_THAT(steps, ElementsAre(1, 3));
}

TEST_F(StepLinesTest, LeaveOutWhatTheDiskDoesNotTakeAndGoOnWhenItDoes) {
  StepLines lines(path_, 1);
  lines.append({{"step", 1}});
  {
    const FileSizeLimit full(20);  // bytes: half of the next line fits
    lines.append({{"step", 2}, {"ids", {"a", "b"}}});
    lines.append({{"step", 3}, {"ids", {"a", "b"}}});
  }
  lines.append({{"step", 4}});
  EXPECT_EQ(read_text(path_), "{\"step\":1}\n{\"step\":4}\n");
}

}  // namespace
}  // namespace catamaran
