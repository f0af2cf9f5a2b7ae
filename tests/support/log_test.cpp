#include "support/log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/error.h"

namespace catamaran {
namespace {

TEST(LogFile, HoldsEachLineAsAnObjectWhileItLives) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "log.jsonl";
  std::filesystem::remove(path);
  {
    LogFile file(path, 3);
    log::warn("a \"quoted\" \x1b line");
    file.record_error("the last word");
  }
  log::warn("nobody writes this down");
  std::ifstream text(path);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["message"], "a \"quoted\" ? line");
  EXPECT_EQ(lines[0]["level"], "warning");
  EXPECT_EQ(lines[0]["rank"], 3);
  EXPECT_GT(lines[0]["time"].get<double>(), 1.6e9);
  EXPECT_EQ(lines[1]["level"], "error");
}

TEST(LogFile, SaysWhereItCannotBe) {
  EXPECT_THROW(LogFile("/nowhere/at/all/log.jsonl", 0), UsageError);
}

}  // namespace
}  // namespace catamaran
