#include "dataio/pack_selection.h"

#include <gmock/gmock.h>

#include <map>

#include "dataio/pack_check.h"
#include "made_jpeg.h"
#include "pack_folder.h"
#include "support/hash.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PackSelectionTest : public PackFolderTest {
 protected:
  SharedPack zoo() const {
    return pack("zoo", {"cat", "dog", "owl"},
                {{"a", {1, -1, -1}},
                 {"b", {-1, 1, 0}},
                 {"c", {-1, -1, 1}},
                 {"d", {-1, 0, -1}},
                 {"e", {1, 1, 1}}});
  }
  SharedPack many(int count) const {
    std::vector<NamedLabels> images;
    for (int i = 0; i < count; ++i) images.push_back({std::to_string(i), {1}});
    return pack("many", {"a"}, images, count);
  }
};

TEST_F(PackSelectionTest, WritesTheSameImagesInOtherShardsWithoutDecodingThem) {
  const SharedPack from = zoo();
  write_pack(images_of(from), folder_ / "out", like(*from, quiet()));
  const PackReader to(folder_ / "out");
  EXPECT_EQ(from->manifest().shards.size(), 2u);
  EXPECT_EQ(to.manifest().shards.size(), 1u);
  EXPECT_EQ(to.fingerprint(), from->fingerprint());
  ASSERT_EQ(to.images(), 5);
  std::vector<uint8_t> before, after;
  for (int64_t i = 0; i < 5; ++i) {
    from->read_image(i, before);
    to.read_image(i, after);
    EXPECT_EQ(after, before);
    EXPECT_EQ(to.id(i), from->id(i));
    EXPECT_EQ(to.size(i).width, from->size(i).width);
    EXPECT_EQ(to.checksum(i), from->checksum(i));
  }
  EXPECT_EQ(to.manifest().decoder, from->manifest().decoder) << "nothing was decoded since";
}

TEST_F(PackSelectionTest, CopiesTheSquaresOfAPixelPack) {
  ImportedImages photos;
  photos.classes = {"a"};
  for (int i = 0; i < 4; ++i) {
    const std::vector<uint8_t> jpeg = made_jpeg(20 + i, 30, static_cast<uint8_t>(40 * i), 9, 9);
    const fs::path name = file(std::to_string(i), {jpeg.begin(), jpeg.end()});
    photos.images.push_back({.file = name, .id = std::to_string(i), .labels = {1}});
  }
  PackWriterOptions squares = quiet();
  squares.pixels = 8;
  write_pack(photos, folder_ / "squares", squares);
  const auto from = std::make_shared<const PackReader>(folder_ / "squares");
  write_pack(select_images(from, {.limit = 3}), folder_ / "out", like(*from, quiet()));
  const PackReader to(folder_ / "out");
  EXPECT_EQ(to.pixels(), 8);
  ASSERT_EQ(to.images(), 3);
  std::vector<uint8_t> before, after;
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t at = std::stol(to.id(i));
    from->read_image(at, before);
    to.read_image(i, after);
    EXPECT_EQ(after, before);
    EXPECT_EQ(to.size(i).width, 20 + at) << "of the photograph";
  }
  EXPECT_TRUE(check_pack(folder_ / "out", {.progress = false}).damaged.empty());
}

TEST_F(PackSelectionTest, CarriesNotesAndSourcesOnAndNamesThePack) {
  zoo();
  PackManifest manifest = read_pack_manifest(folder_ / "zoo");
  manifest.notes = {"2 pictures are odd"};
  manifest.sources = {{"labels.jsonl", std::string(64, 'a')}};
  file("zoo/pack.json", pack_manifest_json(manifest));
  const auto from = std::make_shared<const PackReader>(folder_ / "zoo/");
  const ImportedImages some = select_images(from, {.limit = 2, .seed = 3});
  EXPECT_THAT(some.notes,
              ElementsAre("zoo: 2 pictures are odd", "subset of " + from->folder().string() +
                                                         " (fingerprint " + from->fingerprint() +
                                                         "): 2 of 5 images, drawn with seed 3"));
  ASSERT_EQ(some.sources.size(), 2u);
  EXPECT_EQ(some.sources[0].path, "labels.jsonl");
  EXPECT_EQ(some.sources[1].sha256, sha256_of_file(folder_ / "zoo/pack.json"));
  EXPECT_THAT(images_of(from).notes, ElementsAre("2 pictures are odd"));
}

TEST_F(PackSelectionTest, KeepsTheClassesAskedForInTheirOrder) {
  const ImportedImages some = select_images(zoo(), {.classes = {"owl", "cat"}});
  EXPECT_THAT(some.classes, ElementsAre("owl", "cat"));
  EXPECT_THAT(some.images[1].labels, ElementsAre(0, -1));
  EXPECT_THAT(some.images[2].labels, ElementsAre(1, -1));
  EXPECT_THAT(notes(some), HasSubstr("2 of 3 classes; 2 image(s) have none of its classes and were "
                                     "kept"));
}

TEST_F(PackSelectionTest, DropsImagesInWhichNoneOfTheClassesIsPresent) {
  const ImportedImages some =
      select_images(zoo(), {.classes = {"owl"}, .keep_without_labels = false});
  EXPECT_THAT(ids(some), ElementsAre("c", "e"));
  EXPECT_THAT(notes(some), HasSubstr("3 image(s) have none of its classes and were dropped"));
}

TEST_F(PackSelectionTest, TakesIdsFromAFileInThePacksOrder) {
  const SharedPack from = zoo();
  const fs::path some = file("ids.txt", "e\r\n\na\nc\n");
  EXPECT_THAT(ids(select_images(from, {.ids = some})), ElementsAre("a", "c", "e"));
  EXPECT_THAT(ids(select_images(from, {.without_ids = some})), ElementsAre("b", "d"));
  EXPECT_EQ(select_images(from, {.ids = some}).sources.back().path, some.string());
}

TEST_F(PackSelectionTest, NamesEveryIdThatThePackDoesNotHave) {
  const fs::path wrong = file("ids.txt", "a\naa\nzebra\n");
  const std::string told = refusal([&] { select_images(zoo(), {.ids = wrong}); });
  EXPECT_THAT(told, HasSubstr("line 2: 'aa' is no id of the pack (did you mean 'a'?)"));
  EXPECT_THAT(told, HasSubstr("line 3: 'zebra' is no id of the pack"));
  EXPECT_THAT(refusal([&] { select_images(zoo(), {.ids = file("none", "\n")}); }),
              HasSubstr("lists no id"));
}

TEST_F(PackSelectionTest, NamesEveryClassThatThePackDoesNotHave) {
  const std::string told = refusal([&] { select_images(zoo(), {.classes = {"catt", "cow"}}); });
  EXPECT_THAT(told, HasSubstr("'catt' (did you mean 'cat'?), 'cow'"));
  EXPECT_THAT(refusal([&] {
                select_images(zoo(), {.classes = {"cat", "cat"}});
              }),
              HasSubstr("'cat' is listed twice"));
}

TEST_F(PackSelectionTest, DrawsEachImageEquallyOftenAndInTheSameWayForASeed) {
  const SharedPack from = many(20);
  std::map<std::string, int> drawn;
  constexpr int kSeeds = 4000;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::vector<std::string> some = ids(select_images(from, {.limit = 5, .seed = seed}));
    ASSERT_EQ(some.size(), 5u);
    for (const std::string& id : some) ++drawn[id];
  }
  ASSERT_EQ(drawn.size(), 20u);
  for (const auto& [id, times] : drawn) EXPECT_NEAR(times, kSeeds / 4, 140) << id;  // 5 sigma
  EXPECT_EQ(ids(select_images(from, {.limit = 7, .seed = 1})),
            ids(select_images(from, {.limit = 7, .seed = 1})));
  EXPECT_EQ(ids(select_images(from, {.limit = 20})).size(), 20u);
}

TEST_F(PackSelectionTest, RefusesALimitOfMoreThanThereIsAndToLeaveNothing) {
  EXPECT_THAT(refusal([&] { select_images(zoo(), {.limit = 6}); }),
              HasSubstr("only 5 images are there to draw 6 from"));
  EXPECT_THAT(refusal([&] {
                select_images(zoo(),
                              {.classes = {"owl"}, .keep_without_labels = false, .limit = 3});
              }),
              HasSubstr("only 2 images are there to draw 3 from"));
  const fs::path all = file("all", "a\nb\nc\nd\ne\n");
  EXPECT_THAT(refusal([&] { select_images(zoo(), {.without_ids = all}); }),
              HasSubstr("no image of"));
}

TEST_F(PackSelectionTest, TellsImagesWhoseBytesAreDamagedAndHowToGoOn) {
  const SharedPack from = zoo();
  const fs::path shard = folder_ / "zoo/shard-00000.h5";
  std::ifstream in(shard, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  const size_t at = bytes.find("image b");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'X';
  file("zoo/shard-00000.h5", bytes);
  const std::string told =
      refusal([&] { write_pack(images_of(from), folder_ / "out", like(*from, quiet())); });
  EXPECT_THAT(told, HasSubstr("the bytes of image 'b' are damaged"));
  EXPECT_THAT(told, HasSubstr("pack reshard --skip-bad"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  PackWriterOptions options = like(*from, quiet());
  options.skip_bad = true;
  EXPECT_EQ(write_pack(images_of(from), folder_ / "out", options).manifest.images, 4);
}

}  // namespace
}  // namespace catamaran
