#include "dataio/image_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ImageFolderTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }

  // `count` images, of which the last `there` are files.
  std::vector<ImportedImage> images(int count, int there) const {
    std::vector<ImportedImage> all;
    for (int i = 0; i < count; ++i) {
      ImportedImage image;
      image.file = root_ / (std::to_string(i) + ".jpg");
      if (i >= count - there) std::ofstream(image.file) << "x";
      all.push_back(image);
    }
    return all;
  }
  ImageFolder look(int count, int there) const {
    return look_into_folder(root_, images(count, there));
  }
  static std::string refusal(const ImageFolder& folder, bool may_miss_images = false) {
    try {
      folder.require_some("check --images", may_miss_images);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }

  const fs::path root_ = fs::temp_directory_path() / ("folder-" + std::to_string(::getpid()));
};

TEST_F(ImageFolderTest, WithoutAnyOfTheImagesIsRefusedInOneSentenceWithTheFirstExpectedPath) {
  EXPECT_EQ(refusal(look(400, 0)),
            root_.string() + ": none of the 400 images is there (the first is expected at " +
                (root_ / "0.jpg").string() + "); check --images");
}

TEST_F(ImageFolderTest, ThatDoesNotExistIsCalledSo) {
  const std::vector<ImportedImage> all = images(3, 0);
  fs::remove_all(root_);
  EXPECT_THAT(refusal(look_into_folder(root_, all)),
              HasSubstr("there is no such folder: none of the 3 images is there"));
}

TEST_F(ImageFolderTest, IsWrongWhereOneInTwentyIsThereAndRightWhereMoreAre) {
  EXPECT_THAT(refusal(look(40, 2)), HasSubstr("only 2 of the 40 images are there"));
  const ImageFolder right = look(40, 3);
  EXPECT_EQ(refusal(right), "");
  EXPECT_EQ(right.missing.size(), 37u);
}

TEST_F(ImageFolderTest, WhereImagesMayBeMissingIsRefusedOnlyIfAllAre) {
  EXPECT_EQ(refusal(look(40, 1), /*may_miss_images=*/true), "");
  fs::remove_all(root_);
  fs::create_directories(root_);
  EXPECT_THAT(refusal(look(40, 0), /*may_miss_images=*/true), HasSubstr("none of the 40"));
}

TEST_F(ImageFolderTest, OfOneImageIsNotJudged) { EXPECT_EQ(refusal(look(1, 0)), ""); }

TEST_F(ImageFolderTest, SaysWhichImagesAreMissing) {
  std::vector<ImportedImage> all = images(3, 3);
  fs::remove(all[1].file);
  const ImageFolder folder = look_into_folder(root_, all);
  EXPECT_THAT(folder.missing, ElementsAre(1));
  EXPECT_EQ(folder.first_missing, all[1].file);
}

}  // namespace
}  // namespace catamaran
