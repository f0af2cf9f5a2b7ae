#include "made_pack.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace catamaran {
namespace {

TEST(MadePack, IsAPackToTheReader) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "made-pack";
  std::vector<MadeImage> images;
  for (uint8_t i = 0; i < 5; ++i) {
    images.push_back({.id = "image " + std::to_string(i),
                      .jpeg = {i, 7, 9},
                      .size = {.height = 10 + i, .width = 20},
                      .labels = {1, static_cast<int8_t>(i % 3 - 1)}});
  }
  make_pack(folder, {"a", "b"}, images, 2);
  const PackReader pack(folder);
  ASSERT_EQ(pack.images(), 5);
  EXPECT_EQ(pack.classes(), 2);
  std::vector<uint8_t> jpeg;
  for (int64_t i = 0; i < 5; ++i) {
    pack.read_image(i, jpeg);
    EXPECT_EQ(jpeg, images[static_cast<size_t>(i)].jpeg);
    EXPECT_EQ(pack.id(i), "image " + std::to_string(i));
    EXPECT_EQ(pack.size(i).height, 10 + i);
    EXPECT_EQ(pack.labels(i)[1], i % 3 - 1);
  }
}

}  // namespace
}  // namespace catamaran
