#include "drawing/thumbnail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "drawing/png_file.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string png_of(const Picture& picture) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("thumbnail-" + std::to_string(::getpid()) + ".png");
  write_png(path, picture);
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  std::filesystem::remove(path);
  return bytes.str();
}

std::string complaint_about(const std::string& png) {
  try {
    read_png(png, "explain/1.png");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Thumbnail, ReadsBackWhatWasWritten) {
  Picture picture(5, 3, {10, 20, 30});
  picture.blend(4, 2, {200, 100, 50}, 1);
  const Picture read = read_png(png_of(picture), "x.png");
  ASSERT_EQ(read.width(), 5);
  ASSERT_EQ(read.height(), 3);
  EXPECT_EQ(read.at(0, 0), (Colour{10, 20, 30}));
  EXPECT_EQ(read.at(4, 2), (Colour{200, 100, 50}));
}

TEST(Thumbnail, IsTheMeanOfThePixelsThatItCovers) {
  const std::vector<uint8_t> rgb = {0,  0, 0, 100, 0, 0, 40, 40, 40, 40, 40, 40,   // row 1
                                    50, 0, 0, 50,  0, 0, 40, 40, 40, 40, 40, 44};  // row 2
  const Picture small = scaled_down(Picture(4, 2, rgb), 2);
  ASSERT_EQ(small.width(), 2);
  ASSERT_EQ(small.height(), 1);
  EXPECT_EQ(small.at(0, 0), (Colour{50, 0, 0}));
  EXPECT_EQ(small.at(1, 0), (Colour{40, 40, 41}));
}

TEST(Thumbnail, KeepsTheSizeOfAPictureThatIsSmallEnoughAndTheShapeOfALongOne) {
  EXPECT_EQ(scaled_down(Picture(8, 6, Colour{}), 8).width(), 8);
  const Picture strip = scaled_down(Picture(1000, 1, Colour{}), 10);
  EXPECT_EQ(strip.width(), 10);
  EXPECT_EQ(strip.height(), 1) << "a side never vanishes";
}

TEST(Thumbnail, IsAJpegFileOfFewBytes) {
  const Thumbnail small = thumbnail(png_of(Picture(768, 512, {90, 120, 10})), 360, "x.png");
  EXPECT_EQ(small.width, 360);
  EXPECT_EQ(small.height, 240);
  EXPECT_THAT(small.jpeg, StartsWith("\xFF\xD8\xFF"));
  EXPECT_LT(small.jpeg.size(), 8000u);
}

TEST(Thumbnail, OfAFileThatIsNoPictureIsRefusedWithItsName) {
  const std::string whole = png_of(Picture(64, 64, {1, 2, 3}));
  const std::vector<std::string> broken = {"", "no picture", "\x89PNG\r\n\x1a\npicture",
                                           whole.substr(0, whole.size() / 2)};
  for (const std::string& png : broken) {
    EXPECT_THAT(complaint_about(png), StartsWith("explain/1.png: is not a PNG picture"));
    EXPECT_THAT(complaint_about(png), HasSubstr("explain` again"));
  }
}

TEST(Thumbnail, OfAPictureThatWouldFillTheMemoryIsRefused) {
  std::string bomb = png_of(Picture(64, 64, {1, 2, 3}));
  for (const size_t at : {16u, 20u}) bomb.replace(at, 4, std::string("\0\0\xFF\xFF", 4));
  EXPECT_THAT(complaint_about(bomb), StartsWith("explain/1.png: is not a PNG picture"))
      << "by its header, whose check sum is wrong now, or by its size";
}

}  // namespace
}  // namespace catamaran
