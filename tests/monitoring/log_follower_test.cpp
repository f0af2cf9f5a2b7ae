#include "monitoring/log_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "temporary_directory.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LogFollowerTest : public testing::Test {
 protected:
  static std::string line(const std::string& message, const std::string& level = "info") {
    return nlohmann::json({{"time", 1.7e9}, {"level", level}, {"rank", 0}, {"message", message}})
               .dump() +
           "\n";
  }
  void append(const std::string& text) const {
    std::ofstream(path_, std::ios::app | std::ios::binary) << text;
  }
  static std::vector<std::string> messages(const std::vector<LogLine>& lines) {
    std::vector<std::string> all;
    for (const LogLine& line : lines) all.push_back(line.message);
    return all;
  }

  TemporaryDirectory folder_;
  std::filesystem::path path_ = folder_.path() / "log.jsonl";
};

TEST_F(LogFollowerTest, BeginsWithTheNewestLinesAndGoesOnWithNewOnes) {
  append(line("1") + line("2") + line("3"));
  LogFollower log(path_, 2);
  EXPECT_THAT(messages(log.take()), ElementsAre("2", "3"));
  EXPECT_THAT(log.take(), IsEmpty());
  append(line("4", "warning"));
  const std::vector<LogLine> more = log.take();
  ASSERT_THAT(messages(more), ElementsAre("4"));
  EXPECT_EQ(more[0].level, "warning");
  EXPECT_EQ(more[0].unix_seconds, 1.7e9);
}

TEST_F(LogFollowerTest, WaitsForTheEndOfALine) {
  LogFollower log(path_, 5);
  EXPECT_THAT(log.take(), IsEmpty()) << "there is no file yet";
  const std::string whole = line("one");
  append(whole.substr(0, 10));
  EXPECT_THAT(log.take(), IsEmpty());
  append(whole.substr(10));
  EXPECT_THAT(messages(log.take()), ElementsAre("one"));
}

TEST_F(LogFollowerTest, LeavesOutWhatIsNoLineOfALog) {
  append(line("one") + "{torn\n[1]\n{\"message\": 3}\n\n" + line("two"));
  EXPECT_THAT(messages(LogFollower(path_, 5).take()), ElementsAre("one", "two"));
}

TEST_F(LogFollowerTest, FollowsTheNewFileOfALogThatWasPutAsideAndOneThatWasCut) {
  LogFollower log(path_, 5);
  append(line("one") + line("two"));
  log.take();
  std::filesystem::rename(path_, path_.string() + ".1");
  append(line("three"));
  EXPECT_THAT(messages(log.take()), ElementsAre("three"));
  std::ofstream(path_, std::ios::trunc) << "";
  EXPECT_THAT(log.take(), IsEmpty());
  append(line("four"));
  EXPECT_THAT(messages(log.take()), ElementsAre("four"));
}

TEST_F(LogFollowerTest, ReadsTheNewestOfALongLog) {
  const std::string many(1000, 'x');
  for (int i = 0; i < 400; ++i) append(line(many + std::to_string(i)));
  LogFollower log(path_, 1000);
  const std::vector<LogLine> lines = log.take();
  EXPECT_LT(lines.size(), 270u);
  EXPECT_GT(lines.size(), 200u);
  EXPECT_EQ(lines.back().message, many + "399");
  EXPECT_THAT(log.take(), IsEmpty());
}

}  // namespace
}  // namespace catamaran
