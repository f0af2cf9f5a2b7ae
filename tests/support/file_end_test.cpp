#include "support/file_end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "support/clock.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FileEndTest : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(path_); }
  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  const fs::path path_ = fs::path(testing::TempDir()) / ("end-" + std::to_string(::getpid()));
};

TEST_F(FileEndTest, HoldsAllLinesOfAShortFile) {
  write("one\ntwo\n\nfour\n");
  const FileEnd end = end_of_file(path_, 1000);
  EXPECT_TRUE(end.exists);
  EXPECT_THAT(end.lines, ElementsAre("one", "two", "", "four"));
  EXPECT_EQ(end.bytes, 14);
  EXPECT_NEAR(end.changed_unix_seconds, unix_seconds(), 60);
  EXPECT_THAT(end.problem, IsEmpty());
}

TEST_F(FileEndTest, LeavesOutTheLineThatBeginsBeforeItsBytes) {
  write("one\ntwo\nthree\n");
  EXPECT_THAT(end_of_file(path_, 7).lines, ElementsAre("three"));
  EXPECT_THAT(end_of_file(path_, 6).lines, ElementsAre("three")) << "it is whole";
  EXPECT_THAT(end_of_file(path_, 5).lines, IsEmpty());
  EXPECT_THAT(end_of_file(path_, 13).lines, ElementsAre("two", "three"));
  EXPECT_THAT(end_of_file(path_, 14).lines, ElementsAre("one", "two", "three"));
}

TEST_F(FileEndTest, HasTheLastLineWithoutAnEnd) {
  write("one\ntw");
  EXPECT_THAT(end_of_file(path_, 1000).lines, ElementsAre("one", "tw"));
}

TEST_F(FileEndTest, ReadsNoMoreThanItsBytesOfALongLine) {
  write(std::string(100'000, 'x'));
  EXPECT_THAT(end_of_file(path_, 1000).lines, IsEmpty());
  write(std::string(100'000, 'x') + "\nlast\n");
  EXPECT_THAT(end_of_file(path_, 1000).lines, ElementsAre("last"));
}

TEST_F(FileEndTest, IsNoProblemWhereThereIsNone) {
  const FileEnd end = end_of_file(path_ / "nowhere", 1000);
  EXPECT_FALSE(end.exists);
  EXPECT_THAT(end.problem, IsEmpty());
  EXPECT_EQ(changed_unix_seconds(path_ / "nowhere"), 0);
}

TEST_F(FileEndTest, DoesNotWaitForAPipeAndReadsNoFolder) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(end_of_file(path_, 1000).problem, HasSubstr("no regular file"));
  fs::remove(path_);
  fs::create_directory(path_);
  const FileEnd end = end_of_file(path_, 1000);
  EXPECT_TRUE(end.exists);
  EXPECT_THAT(end.problem, HasSubstr("no regular file"));
}

}  // namespace
}  // namespace catamaran
