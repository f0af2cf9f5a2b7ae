// Packs whose JPEG files are written anew with restart markers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataio/image.h"
#include "dataio/pack_check.h"
#include "dataio/pack_merge.h"
#include "dataio/pack_plan.h"
#include "dataio/pack_selection.h"
#include "pack_writer_fixture.h"

namespace catamaran {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

PackWriterOptions with_markers(PackWriterOptions options) {
  options.restart_markers = true;
  return options;
}

std::vector<uint8_t> stored(const PackReader& pack, int64_t image) {
  std::vector<uint8_t> bytes;
  pack.read_image(image, bytes);
  return bytes;
}

void expect_same_pixels(const PackReader& a, const PackReader& b) {
  ASSERT_EQ(a.images(), b.images());
  ImageDecoder decoder;
  for (int64_t i = 0; i < a.images(); ++i) {
    EXPECT_NE(stored(a, i), stored(b, i)) << i;
    EXPECT_EQ(decoder.decode_whole(stored(a, i), "a").pixels,
              decoder.decode_whole(stored(b, i), "b").pixels)
        << i;
  }
}

int64_t bytes_of_images(const PackReader& pack) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < pack.images(); ++i) bytes += pack.image_bytes(i);
  return bytes;
}

TEST_F(WritePack, WritesFilesAnewWithRestartMarkersAndTheSamePixels) {
  const ImportedImages imported = made(20);
  write_pack(imported, folder_ / "files", quiet());
  const PackSummary summary = write_pack(imported, folder_ / "marked", with_markers(quiet()));
  const PackReader marked(folder_ / "marked");
  EXPECT_GT(summary.manifest.shards.size(), 2U);
  EXPECT_EQ(summary.image_bytes, bytes_of_images(marked));
  EXPECT_THAT(summary.manifest.notes, Contains(HasSubstr("restart markers")));
  expect_same_pixels(PackReader(folder_ / "files"), marked);
  EXPECT_TRUE(check_pack(folder_ / "marked", {.decode = true, .progress = false}).damaged.empty());
  write_pack(imported, folder_ / "again", with_markers(quiet()));
  EXPECT_EQ(hashes(folder_ / "marked"), hashes(folder_ / "again"));
}

TEST_F(WritePack, KnowsTheFilesOfPicturesThatItHasMadeOtherBytesOf) {
  const ImportedImages imported = made(9);
  write_pack(imported, folder_ / "files", quiet());
  write_pack(imported, folder_ / "marked", with_markers(quiet()));
  PackWriterOptions squares = quiet();
  squares.pixels = 16;
  write_pack(imported, folder_ / "squares", squares);
  const auto files = std::make_shared<const PackReader>(folder_ / "files");
  const auto marked = std::make_shared<const PackReader>(folder_ / "marked");
  EXPECT_FALSE(files->manifest().has_files);
  EXPECT_EQ(overlap(*files, *marked).size(), 9U);
  EXPECT_EQ(overlap(*marked, PackReader(folder_ / "squares")).size(), 9U);
  write_pack(images_of(marked), folder_ / "copied", like(*marked, quiet()));
  EXPECT_EQ(overlap(PackReader(folder_ / "copied"), *files).size(), 9U);
  EXPECT_EQ(merge_packs({files, marked}, {}).images.size(), 9U) << "each counts once";
}

TEST_F(WritePack, KnowsPicturesThatHaveBecomeTheSameBytes) {
  ImportedImages imported = made(3);
  const std::vector<uint8_t> jpeg = made_jpeg(32, 24, 0, 90, 200);  // that of image 0
  const std::vector<uint8_t> commented = with_comment(jpeg, 100);
  const std::filesystem::path file = folder_ / "photos/commented.jpg";
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(commented.data()), std::ssize(commented));
  imported.images.push_back({.file = file, .id = "commented", .labels = {1, -1}});
  write_pack(imported, folder_ / "files", quiet());
  const PackSummary marked = write_pack(imported, folder_ / "marked", with_markers(quiet()));
  EXPECT_THAT(marked.manifest.notes, Contains(HasSubstr("'commented' is '0'")));
  EXPECT_THAT(PackReader(folder_ / "files").manifest().notes, testing::IsEmpty());
}

TEST_F(WritePack, AddsRestartMarkersToThePicturesOfAPack) {
  const ImportedImages imported = made(9);
  write_pack(imported, folder_ / "files", quiet());
  const auto pack = std::make_shared<const PackReader>(folder_ / "files");
  PackWriterOptions options = with_markers(like(*pack, quiet()));
  options.decode = true;
  write_pack(images_of(pack), folder_ / "marked", options);
  expect_same_pixels(*pack, PackReader(folder_ / "marked"));
}

TEST_F(WritePack, LeavesOutDamagedFilesWhereItAddsRestartMarkers) {
  const ImportedImages imported = made(30);
  for (const int bad : {0, 13, 29}) cut(bad);
  EXPECT_THAT(refusal([&] { write_pack(imported, folder_ / "refused", with_markers(quiet())); }),
              HasSubstr("3 image file(s) cannot be packed"));
  const PackSummary summary = write_pack(imported, folder_ / "pack", with_markers(skipping()));
  EXPECT_EQ(summary.skipped, 3);
  EXPECT_EQ(PackReader(folder_ / "pack").images(), 27);
  EXPECT_EQ(entries(), 2) << "photos and the pack";
}

TEST_F(WritePack, TakesShardsWithRestartMarkersForOthersThanThoseWithout) {
  const ImportedImages imported = made(3);
  PackPlanOptions plan = {.shard_bytes = 4000, .intake = {}};
  const std::string without = plan_pack(imported, plan).fingerprint;
  plan.intake.restart_markers = true;
  EXPECT_NE(plan_pack(imported, plan).fingerprint, without);
}

TEST_F(WritePack, RefusesRestartMarkersOfWhatIsNotDecoded) {
  PackWriterOptions options = with_markers(quiet());
  options.decode = false;
  EXPECT_THAT(refusal([&] { write_pack(made(3), folder_ / "a", options); }),
              HasSubstr("a file is written anew by decoding it"));
  options = with_markers(quiet());
  options.pixels = 16;
  EXPECT_THAT(refusal([&] { write_pack(made(3), folder_ / "b", options); }),
              HasSubstr("pixels have no restart markers"));
}

}  // namespace
}  // namespace catamaran
