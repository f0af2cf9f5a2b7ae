#include "dataio/pack_split.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "pack_folder.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PackSplitTest : public PackFolderTest {
 protected:
  // Every second image is of class "a", one of ten of class "b"; each of the first `copies` images
  // is the picture of the image before it.
  SharedPack made(int count, int copies = 0) const {
    std::vector<NamedLabels> images;
    for (int i = 0; i < count; ++i) {
      const int picture = i < copies ? i - i % 2 : i;
      images.push_back({std::to_string(i),
                        {static_cast<int8_t>(picture % 2 == 0 ? 1 : -1),
                         static_cast<int8_t>(picture % 10 == 3 ? 1 : -1), -1},
                        std::to_string(picture)});
    }
    return pack("made", {"a", "b", "never"}, images, count);
  }
};

TEST(ParseParts, ReadsNamesAndShares) {
  const std::vector<PartShare> parts = parse_parts("train=0.8,val=.1,test=1e-1");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "train");
  EXPECT_DOUBLE_EQ(parts[2].share, 0.1);
  EXPECT_EQ(parse_parts("a=0.33333,b=0.33333,c=0.33334").size(), 3u);
}

TEST(ParseParts, RefusesWhatIsNoSplit) {
  const auto refusal = [](const std::string& given) -> std::string {
    try {
      parse_parts(given);
    } catch (const UsageError& problem) {
      return problem.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal("train=0.8,val=0.1"), HasSubstr("the shares sum to 0.9, not to 1"));
  EXPECT_THAT(refusal("train=80,val=20"), HasSubstr("the shares sum to 100, not to 1"));
  EXPECT_THAT(refusal("train=1"), HasSubstr("one part is no split"));
  EXPECT_THAT(refusal("a=0.5,a=0.5"), HasSubstr("part 'a' is named twice"));
  for (const char* bad : {"", "a", "=0.5", "a=0.5,", "../a=0.5,b=0.5", ".a=0.5,b=0.5", "a/b=1"})
    EXPECT_THAT(refusal(bad), HasSubstr("is no part")) << bad;
  for (const char* bad : {"a=x,b=1", "a=-0.5,b=1.5", "a=0,b=1", "a=nan,b=1", "a=inf,b=1", "a=0.5x"})
    EXPECT_THAT(refusal(bad), HasSubstr("is no share of part 'a'")) << bad;
}

TEST_F(PackSplitTest, GivesEachImageToOnePartInThePacksOrder) {
  const SharedPack from = made(100);
  const PackSplit split = split_pack(from, parse_parts("train=0.8,val=0.1,test=0.1"), 0);
  std::vector<int64_t> all;
  for (const ImportedImages& part : split.parts) {
    const auto by_place = [](const ImportedImage& x, const ImportedImage& y) {
      return x.at < y.at;
    };
    EXPECT_TRUE(std::is_sorted(part.images.begin(), part.images.end(), by_place));
    for (const ImportedImage& image : part.images) all.push_back(image.at);
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), 100u);
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(all[static_cast<size_t>(i)], i);
  EXPECT_EQ(split.parts[1].images.size(), 10u);
  EXPECT_EQ(split.parts[1].split, "test/val") << "the pack's split is called test";
  EXPECT_THAT(notes(split.parts[1]), HasSubstr("part 'val' (0.1) of " + from->folder().string()));
}

TEST_F(PackSplitTest, TellsWhatEachPartHasOfEachClass) {
  const PackSplit split = split_pack(made(100), parse_parts("train=0.7,test=0.3"), 0);
  const SplitReport& report = split.report;
  EXPECT_THAT(report.positives, ElementsAre(50, 10, 0));
  EXPECT_EQ(report.parts[0].images, 70);
  EXPECT_THAT(report.parts[1].positives, ElementsAre(15, 3, 0));
  EXPECT_DOUBLE_EQ(report.share(1, 1), 0.3);
  EXPECT_EQ(report.share(1, 2), 0);
  ASSERT_TRUE(report.largest_by_share());
  EXPECT_NEAR(report.largest_by_images()->images, 0, 1e-9);
}

TEST_F(PackSplitTest, FindsTheLargestDeviation) {
  SplitReport report;
  report.classes = {"many", "few", "never"};
  report.positives = {1000, 2, 0};
  report.parts = {{.name = "x", .share = 0.5, .positives = {520, 2, 0}},
                  {.name = "y", .share = 0.5, .positives = {480, 0, 0}}};
  ASSERT_TRUE(report.largest_by_share());
  EXPECT_EQ(report.largest_by_share()->at, 1u);
  EXPECT_DOUBLE_EQ(report.largest_by_share()->share, 1);
  EXPECT_EQ(report.largest_by_images()->at, 0u);
  EXPECT_NEAR(report.largest_by_images()->images, 20, 1e-9);
  report.positives = {0, 0, 0};
  EXPECT_FALSE(report.largest_by_share());
}

TEST_F(PackSplitTest, PutsCopiesOfAPictureInOnePart) {
  const SharedPack from = made(100, 40);
  const PackSplit split = split_pack(from, parse_parts("train=0.5,val=0.3,test=0.2"), 7);
  std::vector<size_t> part_of(100);
  for (size_t p = 0; p < 3; ++p) {
    for (const ImportedImage& image : split.parts[p].images)
      part_of[static_cast<size_t>(image.at)] = p;
  }
  for (size_t i = 0; i < 40; i += 2) EXPECT_EQ(part_of[i], part_of[i + 1]);
  EXPECT_EQ(split.report.copies, 20);
  EXPECT_EQ(split.report.parts[2].images, 20);
}

TEST_F(PackSplitTest, RefusesFewerImagesThanPartsAndPartsWithoutAnImage) {
  const std::vector<PartShare> three = parse_parts("a=0.8,b=0.1,c=0.1");
  EXPECT_THAT(refusal([&] { split_pack(made(2), three, 0); }),
              HasSubstr("are fewer than the 3 parts"));
  EXPECT_THAT(refusal([&] { split_pack(made(4), three, 0); }),
              HasSubstr("part 'c' would have no image: 0.1 of 4"));
  const SharedPack copies =
      pack("copies", {"a"}, {{"1", {1}, "x"}, {"2", {1}, "x"}, {"3", {1}, "x"}});
  EXPECT_THAT(refusal([&] { split_pack(copies, parse_parts("a=0.5,b=0.5"), 0); }),
              HasSubstr("2 of the 3 images are copies of others"));
}

}  // namespace
}  // namespace catamaran
