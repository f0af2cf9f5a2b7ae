#include "dataio/pack_merge.h"

#include <gmock/gmock.h>

#include "made_jpeg.h"
#include "pack_folder.h"
#include "support/hash.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PackMergeTest : public PackFolderTest {};

TEST_F(PackMergeTest, PutsPacksBehindOneAnother) {
  const SharedPack a = pack("a", {"cat", "dog"}, {{"1", {1, -1}}, {"2", {-1, 1}}});
  const SharedPack b = pack("b", {"cat", "dog"}, {{"3", {0, 1}}});
  const ImportedImages all = merge_packs({a, b}, {});
  EXPECT_THAT(ids(all), ElementsAre("1", "2", "3"));
  EXPECT_THAT(all.images[2].labels, ElementsAre(0, 1));
  EXPECT_EQ(all.data_set, "made") << "the same of both is said once";
  ASSERT_EQ(all.sources.size(), 2u);
  EXPECT_EQ(all.sources[1].sha256, sha256_of_file(folder_ / "b/pack.json"));
  EXPECT_THAT(notes(all), HasSubstr("merged from " + a->folder().string() + " (fingerprint " +
                                    a->fingerprint() + ") with 2 images, "));
  write_pack(all, folder_ / "out", like(*a, quiet()));
  const PackReader to(folder_ / "out");
  std::vector<uint8_t> before, after;
  b->read_image(0, before);
  to.read_image(2, after);
  EXPECT_EQ(after, before);
}

TEST_F(PackMergeTest, RefusesOtherClassListsAndTheSameInAnotherOrder) {
  const SharedPack a = pack("a", {"cat", "dog"}, {{"1", {1, -1}}});
  const SharedPack b = pack("b", {"dog", "cat"}, {{"2", {1, -1}}});
  const std::string told = refusal([&] { merge_packs({a, b}, {}); });
  EXPECT_THAT(told, HasSubstr("class 0 is 'cat' in one and 'dog' in the other"));
  EXPECT_THAT(told, HasSubstr("--classes-union"));
}

TEST_F(PackMergeTest, MapsClassesByNameAndIgnoresWhatAPackSaysNothingOf) {
  const SharedPack a = pack("a", {"cat", "dog"}, {{"1", {1, -1}}});
  const SharedPack b = pack("b", {"owl", "cat"}, {{"2", {1, -1}}});
  const ImportedImages all = merge_packs({a, b}, {.classes_union = true});
  EXPECT_THAT(all.classes, ElementsAre("cat", "dog", "owl"));
  EXPECT_THAT(all.images[0].labels, ElementsAre(1, -1, 0));
  EXPECT_THAT(all.images[1].labels, ElementsAre(-1, 0, 1));
  EXPECT_THAT(notes(all), HasSubstr("ignored (0) in its images: owl"));
  EXPECT_THAT(notes(all), HasSubstr("ignored (0) in its images: dog"));
  const ImportedImages absent =
      merge_packs({a, b}, {.classes_union = true, .missing_absent = true});
  EXPECT_THAT(absent.images[0].labels, ElementsAre(1, -1, -1));
}

TEST_F(PackMergeTest, CountsAnImageOfTwoPacksOnceWhereTheLabelsAgree) {
  const SharedPack a = pack("a", {"cat"}, {{"1", {1}, "x"}, {"2", {-1}}});
  const SharedPack b = pack("b", {"cat"}, {{"7", {1}, "x"}, {"8", {1}}});
  const ImportedImages all = merge_packs({a, b}, {});
  EXPECT_THAT(ids(all), ElementsAre("1", "2", "8"));
  EXPECT_THAT(notes(all), HasSubstr("1 image(s) are in more than one pack, with labels that agree, "
                                    "and count once (first: '7' of "));
}

TEST_F(PackMergeTest, RefusesAnImageOfTwoPacksWhoseLabelsDiffer) {
  const SharedPack a = pack("a", {"cat", "dog"}, {{"1", {1, 1}, "x"}, {"2", {1, 1}, "y"}});
  const SharedPack b = pack("b", {"cat", "dog"}, {{"7", {1, 0}, "x"}, {"8", {-1, 1}, "y"}});
  const std::string told = refusal([&] { merge_packs({a, b}, {}); });
  EXPECT_THAT(told, HasSubstr("2 image(s) are in two packs with labels that differ"));
  EXPECT_THAT(told, HasSubstr("'7' of " + b->folder().string() + " is '1' of " +
                              a->folder().string() + ": 'dog' is 0 in one and 1 in the other"));
  EXPECT_THAT(told, HasSubstr("'8' of "));
  EXPECT_THAT(told, HasSubstr("--without-ids"));
}

TEST_F(PackMergeTest, UnitesTheLabelsThatOnlyOneOfThePacksHas) {
  const SharedPack a = pack("a", {"cat", "dog"}, {{"1", {1, -1}, "x"}});
  const SharedPack b = pack("b", {"cat", "owl"}, {{"7", {1, 1}, "x"}, {"8", {1, 1}}});
  const ImportedImages all = merge_packs({a, b}, {.classes_union = true});
  EXPECT_THAT(ids(all), ElementsAre("1", "8"));
  EXPECT_THAT(all.images[0].labels, ElementsAre(1, -1, 1));
  EXPECT_THAT(all.images[1].labels, ElementsAre(1, 0, 1));
}

TEST_F(PackMergeTest, KeepsWhatOnePackHoldsTwice) {
  const SharedPack a = pack("a", {"cat"}, {{"1", {1}, "x"}, {"2", {-1}, "x"}});
  const SharedPack b = pack("b", {"cat"}, {{"3", {1}}});
  EXPECT_THAT(ids(merge_packs({a, b}, {})), ElementsAre("1", "2", "3"));
}

TEST_F(PackMergeTest, ComparesWithEachOfThoseThatAnotherPackHoldsTwice) {
  const SharedPack a = pack("a", {"cat"}, {{"1", {1}, "x"}, {"2", {-1}, "x"}});
  const SharedPack b = pack("b", {"cat"}, {{"3", {1}, "x"}});
  EXPECT_THAT(refusal([&] { merge_packs({a, b}, {}); }), HasSubstr("'3' of "));
  const SharedPack c = pack("c", {"cat", "owl"}, {{"4", {1, 1}, "y"}, {"5", {1, 1}, "y"}});
  const SharedPack d = pack("d", {"cat", "dog"}, {{"6", {1, 1}, "y"}});
  const ImportedImages all = merge_packs({c, d}, {.classes_union = true});
  EXPECT_THAT(ids(all), ElementsAre("4", "5"));
  for (const ImportedImage& image : all.images) EXPECT_THAT(image.labels, ElementsAre(1, 1, 1));
}

TEST_F(PackMergeTest, RefusesTheSameIdOfDifferentImagesUnlessIdsTellThePack) {
  const SharedPack a = pack("a", {"cat"}, {{"1", {1}, "x"}, {"2", {1}, "y"}});
  const SharedPack b = pack("b", {"cat"}, {{"1", {1}, "z"}, {"2", {1}, "y"}});
  const std::string told = refusal([&] { merge_packs({a, b}, {}); });
  EXPECT_THAT(told, HasSubstr("1 id(s) are of different images"));
  EXPECT_THAT(told, HasSubstr("--prefix-ids"));
  EXPECT_THAT(ids(merge_packs({a, b}, {.prefix_ids = true})), ElementsAre("a/1", "a/2", "b/1"));
}

TEST_F(PackMergeTest, RefusesPrefixesThatWouldBeTheSame) {
  const SharedPack a = pack("one/train", {"cat"}, {{"1", {1}, "x"}});
  const SharedPack b = pack("two/train", {"cat"}, {{"1", {1}, "y"}});
  EXPECT_THAT(refusal([&] {
                merge_packs({a, b}, {.prefix_ids = true});
              }),
              HasSubstr("folders of different names"));
}

TEST_F(PackMergeTest, RefusesFilesBesideSquares) {
  ImportedImages photos;
  photos.classes = {"cat"};
  const std::vector<uint8_t> jpeg = made_jpeg(20, 30, 1, 2, 3);
  const std::filesystem::path name = file("1.jpg", {jpeg.begin(), jpeg.end()});
  photos.images.push_back({.file = name, .id = "1", .labels = {1}});
  PackWriterOptions squares = quiet();
  squares.pixels = 8;
  write_pack(photos, folder_ / "squares", squares);
  const SharedPack a = pack("a", {"cat"}, {{"2", {1}}});
  const auto b = std::make_shared<const PackReader>(folder_ / "squares");
  EXPECT_THAT(refusal([&] {
                merge_packs({a, b}, {});
              }),
              HasSubstr("one pack holds JPEG files, the other squares of 8 pixels"));
}

}  // namespace
}  // namespace catamaran
