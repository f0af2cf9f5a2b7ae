#include "support/line_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "file_content.h"
#include "file_size_limit.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

class LineFileTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }

  std::string content() const { return file_content(path_); }

  const std::filesystem::path path_ =
      std::filesystem::path(testing::TempDir()) / ("lines-" + std::to_string(::getpid()));
};

TEST_F(LineFileTest, HoldsEachLineAtOnce) {
  LineFile file(path_);
  EXPECT_FALSE(file.append("one"));
  EXPECT_EQ(content(), "one\n");
  EXPECT_FALSE(file.append("two"));
  EXPECT_EQ(content(), "one\ntwo\n");
}

TEST_F(LineFileTest, LeavesOutWhatDoesNotFitAndSaysItOnceAndOnceMoreWhenItWorksAgain) {
  LineFile file(path_);
  file.append("one");
  {
    const FileSizeLimit full(6);
    const std::optional<LineFileNews> news = file.append("two, which does not fit");
    ASSERT_TRUE(news);
    EXPECT_FALSE(news->works);
    EXPECT_THAT(news->text, HasSubstr(path_.string() + ": cannot write: File too large"));
    EXPECT_FALSE(file.append("three, which does not fit either"));
    EXPECT_EQ(content(), "one\n") << "half a line stays";
  }
  const std::optional<LineFileNews> news = file.append("four");
  ASSERT_TRUE(news);
  EXPECT_TRUE(news->works);
  EXPECT_THAT(news->text, HasSubstr("lines left out: 2"));
  EXPECT_EQ(content(), "one\nfour\n");
}

TEST_F(LineFileTest, SaysAnOutageThatFollowsSoonAfterAnotherNoMore) {
  LineFile file(path_);
  for (const bool first : {true, false}) {
    {
      const FileSizeLimit full(1);
      EXPECT_EQ(file.append("does not fit").has_value(), first);
    }
    EXPECT_EQ(file.append("fits").has_value(), first);
  }
  EXPECT_EQ(content(), "fits\nfits\n");
}

TEST_F(LineFileTest, SaysOneThatFollowsSoonAfterAnotherOnceAMinuteIsOver) {
  double now = 1000;
  LineFile file(path_, [&] { return now; });
  const auto append = [&](double at, bool fits) {
    now = 1000 + at;
    std::optional<FileSizeLimit> full;
    if (!fits) full.emplace(1);
    return file.append("line");
  };
  EXPECT_TRUE(append(0, false));
  EXPECT_TRUE(append(1, true));
  EXPECT_FALSE(append(2, false)) << "soon after the other";
  EXPECT_FALSE(append(59.9, false));
  const std::optional<LineFileNews> out = append(60, false);
  ASSERT_TRUE(out);
  EXPECT_FALSE(out->works);
  EXPECT_FALSE(append(61, false));
  const std::optional<LineFileNews> again = append(62, true);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->works);
  EXPECT_THAT(again->text, HasSubstr("lines left out: 4")) << "those before it was said, too";
}

TEST_F(LineFileTest, SaysAnOutageOfHoursOnce) {
  double now = 1000;
  LineFile file(path_, [&] { return now; });
  {
    const FileSizeLimit full(1);
    EXPECT_TRUE(file.append("does not fit"));
    for (int minute = 1; minute < 180; ++minute) {
      now += 60;
      EXPECT_FALSE(file.append("does not fit")) << "after minutes: " << minute;
    }
  }
  const std::optional<LineFileNews> news = file.append("fits");
  ASSERT_TRUE(news);
  EXPECT_THAT(news->text, HasSubstr("lines left out: 180"));
}

TEST_F(LineFileTest, BeginsALineWhereAKilledProcessLeftHalfOfOne) {
  std::ofstream(path_) << "one\nha";
  LineFile file(path_);
  file.append("two");
  EXPECT_EQ(content(), "one\nha\ntwo\n");
}

TEST_F(LineFileTest, StaysWithinItsBoundAndKeepsTheNewestLines) {
  const std::filesystem::path aside = path_.string() + ".1";
  {
    LineFile file(path_, {.largest_bytes = 100});
    for (int line = 10; line < 40; ++line) {
      EXPECT_FALSE(file.append("line " + std::to_string(line)));  // 8 bytes
      EXPECT_LE(content().size(), 50u);
    }
  }
  EXPECT_LE(file_content(aside).size(), 50u);
  const std::string all = file_content(aside) + content();
  EXPECT_GE(all.size(), 50u);
  EXPECT_TRUE(all.ends_with("line 38\nline 39\n")) << all;
  EXPECT_EQ(all.substr(0, 5), "line ") << "whole lines";
  std::filesystem::remove(aside);
}

TEST_F(LineFileTest, TakesALineThatIsLongerThanItsBound) {
  const std::filesystem::path aside = path_.string() + ".1";
  LineFile file(path_, {.largest_bytes = 20});
  file.append("one");
  file.append(std::string(50, 'x'));
  EXPECT_EQ(content(), std::string(50, 'x') + "\n");
  EXPECT_EQ(file_content(aside), "one\n");
  std::filesystem::remove(aside);
}

TEST_F(LineFileTest, PutsNoOtherFileAsideThatStandsAtItsPlace) {
  LineFile file(path_, {.largest_bytes = 20});
  file.append("one");
  std::filesystem::rename(path_, path_.string() + "-moved");
  std::ofstream(path_) << "another job's\n";
  for (int line = 0; line < 10; ++line) file.append("more");
  EXPECT_EQ(content(), "another job's\n");
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".1"));
  EXPECT_EQ(file_content(path_.string() + "-moved").size(), 4u + 10 * 5u);
  std::filesystem::remove(path_.string() + "-moved");
}

TEST_F(LineFileTest, SaysWhichFileCannotBeOpened) {
  try {
    LineFile file("/nowhere/at/all/lines");
    FAIL() << "a log was opened in a folder that does not exist";
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("/nowhere/at/all/lines"));
  }
}

}  // namespace
}  // namespace catamaran
