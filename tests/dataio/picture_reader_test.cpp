#include "dataio/picture_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include "dataio/image_inputs.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ImageInputsTest : public ::testing::Test {
 protected:
  ImageInputsTest() {
    fs::remove_all(root_);
    fs::create_directories(root_ / "sub/deep");
    for (const char* name :
         {"b.jpg", "a.JPG", "c.png", "sub/z.jpeg", "sub/deep/y.JpEg", "p[1].jpg"})
      std::ofstream(root_ / name) << "x";
  }
  ~ImageInputsTest() override { fs::remove_all(root_); }

  std::vector<std::string> all(const std::vector<std::string>& given, int list = -1) {
    ImageInputs inputs(given, list);
    std::vector<std::string> found;
    while (auto path = inputs.next({})) found.push_back(fs::relative(*path, root_).string());
    return found;
  }
  std::string at(const std::string& name) const { return (root_ / name).string(); }

  const fs::path root_ = fs::temp_directory_path() / ("inputs-" + std::to_string(::getpid()));
};

TEST_F(ImageInputsTest, AFolderIsItsPicturesInOrder) {
  fs::create_directory_symlink(root_, root_ / "sub/up");
  EXPECT_THAT(all({root_.string()}),
              ElementsAre("a.JPG", "b.jpg", "p[1].jpg", "sub/deep/y.JpEg", "sub/z.jpeg"));
  EXPECT_EQ(ImageInputs({root_.string(), at("c.png")}).count(), 6);
}

TEST_F(ImageInputsTest, APatternIsItsMatchesAndANameThatExistsIsNoPattern) {
  EXPECT_THAT(all({at("*.jpg")}), ElementsAre("b.jpg", "p[1].jpg"));
  EXPECT_THAT(all({at("s*")}), ElementsAre("sub/deep/y.JpEg", "sub/z.jpeg"));
  EXPECT_THAT(all({at("p[1].jpg"), at("c.png")}), ElementsAre("p[1].jpg", "c.png"));
  EXPECT_THAT(all({at("none.jpg")}), ElementsAre("none.jpg"));
}

TEST_F(ImageInputsTest, WhatIsNothingIsSaidAtOnce) {
  EXPECT_THROW(ImageInputs({""}), DataError);
  EXPECT_THROW(ImageInputs({at("none*.jpg")}), DataError);
  fs::create_directory(root_ / "empty");
  EXPECT_THROW(ImageInputs({at("empty")}), DataError);
}

TEST_F(ImageInputsTest, AListIsReadLineByLineAndEndsWithoutANewline) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string first = at("b.jpg") + "\r\n\n" + at("x y.jpg");
  ASSERT_EQ(::write(ends[1], first.data(), first.size()), std::ssize(first));
  ::close(ends[1]);
  EXPECT_FALSE(ImageInputs({"-"}, ends[0]).count());
  EXPECT_THAT(all({at("c.png"), "-", at("a.JPG"), "-"}, ends[0]),
              ElementsAre("c.png", "b.jpg", "x y.jpg", "a.JPG"));
  ::close(ends[0]);
}

TEST_F(ImageInputsTest, WaitingForAListEndsWithTheWishToStop) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ImageInputs inputs({"-"}, ends[0]);
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return inputs.next(stop.get_token()); });
  stop.request_stop();
  EXPECT_FALSE(waiting.get());
  ::close(ends[0]);
  ::close(ends[1]);
}

NameSource counting(std::atomic<int>& asked, int names) {
  return [&asked, names](const std::stop_token&) -> std::optional<std::string> {
    if (asked == names) return std::nullopt;
    return "/nowhere/" + std::to_string(asked++);
  };
}

TEST(PictureReader, DeliversEveryNameInOrderWithItsReason) {
  std::atomic<int> asked = 0;
  PictureReader reader({.size = 8, .threads = 3, .ahead = 5}, counting(asked, 100));
  for (int i = 0; i < 100; ++i) {
    const auto picture = reader.next();
    ASSERT_TRUE(picture);
    EXPECT_EQ(picture->name, "/nowhere/" + std::to_string(i));
    EXPECT_TRUE(picture->pixels.empty());
    EXPECT_THAT(picture->error, HasSubstr("cannot open"));
  }
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.next());
}

TEST(PictureReader, ReadsNoFurtherAheadThanAllowed) {
  std::atomic<int> asked = 0;
  PictureReader reader({.size = 8, .threads = 3, .ahead = 5}, counting(asked, 1000));
  for (int taken = 1; taken <= 20; ++taken) {
    ASSERT_TRUE(reader.next());
    EXPECT_LE(asked, taken + 5 + 1);
  }
}

TEST(PictureReader, GivesASmallerBatchWhereTheSourceHasNothingAtTheMoment) {
  std::promise<void> more;
  std::shared_future<void> wait = more.get_future();
  int named = 0;
  const auto source = [&](const std::stop_token&) -> std::optional<std::string> {
    if (named == 3) wait.wait();
    if (named == 5) return std::nullopt;
    return "/nowhere/" + std::to_string(named++);
  };
  PictureReader reader({.size = 8, .threads = 2, .ahead = 8}, source);
  EXPECT_EQ(reader.next_batch(8).size(), 3u);
  more.set_value();
  size_t rest = 0;
  for (auto batch = reader.next_batch(8); !batch.empty(); batch = reader.next_batch(8))
    rest += batch.size();
  EXPECT_EQ(rest, 2u);
}

TEST(PictureReader, ThrowsWhatTheSourceThrewInItsPlace) {
  int named = 0;
  const auto source = [&](const std::stop_token&) -> std::optional<std::string> {
    if (named == 2) throw DataError("broken list", "here", "");
    return "/nowhere/" + std::to_string(named++);
  };
  PictureReader reader({.size = 8, .threads = 2, .ahead = 8}, source);
  EXPECT_TRUE(reader.next());
  EXPECT_TRUE(reader.next());
  EXPECT_THROW(reader.next(), DataError);
}

TEST(PictureReader, EndsAtOnceInTheMiddle) {
  std::atomic<int> asked = 0;
  PictureReader reader({.size = 8, .threads = 3, .ahead = 5}, counting(asked, 1'000'000));
  EXPECT_TRUE(reader.next());
}

}  // namespace
}  // namespace catamaran
