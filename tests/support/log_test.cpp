#include "support/log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/error.h"

namespace catamaran {
namespace {

TEST(LogFile, HoldsEachLineAsAnObjectWhileItLives) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "log.jsonl";
  std::filesystem::remove(path);
  {
    LogFile file(path, 3);
    log::warn("a \"quoted\" \x1b line");
    log::info("of another rank: not printed, and written down");
    file.record_end(DataError("the last word", "", ""));
  }
  log::warn("nobody writes this down");
  std::ifstream text(path);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["message"], "a \"quoted\" ? line");
  EXPECT_EQ(lines[0]["level"], "warning");
  EXPECT_EQ(lines[0]["rank"], 3);
  EXPECT_GT(lines[0]["time"].get<double>(), 1.6e9);
  EXPECT_FALSE(lines[0].contains("kind"));
  EXPECT_EQ(lines[1]["level"], "info");
  EXPECT_EQ(lines[2]["level"], "error");
  EXPECT_EQ(lines[2]["message"], "the last word");
  EXPECT_EQ(lines[2]["kind"], "data") << "the end of a start";
}

TEST(LogFile, HoldsWholeLinesWhateverThreadsWriteThem) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "threads.jsonl";
  std::filesystem::remove(path);
  constexpr int kLines = 2000;
  testing::internal::CaptureStderr();
  {
    LogFile file(path, 0);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < kLines; ++i) log::warn("line " + std::to_string(i));
      });
    }
    for (int i = 0; i < kLines; ++i)
      file.record_end(DataError("error " + std::to_string(i), "", ""));
  }
  testing::internal::GetCapturedStderr();
  std::ifstream text(path);
  int lines = 0;
  for (std::string line; std::getline(text, line); ++lines)
    EXPECT_TRUE(nlohmann::json::parse(line).contains("message")) << line;
  EXPECT_EQ(lines, 5 * kLines);
}

TEST(LogFile, SaysWhereItCannotBe) {
  EXPECT_THROW(LogFile("/nowhere/at/all/log.jsonl", 0), UsageError);
}

}  // namespace
}  // namespace catamaran
