#include "dataio/pack_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "dataio/image.h"
#include "dataio/pack_check.h"
#include "pack_writer_fixture.h"
#include "support/hash.h"
#include "support/memory_state.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

TEST_F(WritePack, FillsShardsInTheOrderOfTheImagesWithTheFilesAsTheyAre) {
  const ImportedImages imported = made(20);
  const PackSummary summary = write_pack(imported, folder_ / "pack", quiet());
  const PackReader pack(folder_ / "pack");
  EXPECT_GT(summary.manifest.shards.size(), 2u);
  ASSERT_EQ(pack.images(), 20);
  for (int64_t i = 0; i < 20; ++i) {
    std::vector<uint8_t> stored;
    pack.read_image(i, stored);
    EXPECT_EQ(pack.id(i), std::to_string(i));
    EXPECT_EQ(xxh3(stored.data(), stored.size()),
              xxh3_of_file(imported.images[static_cast<size_t>(i)].file));
    EXPECT_EQ(pack.size(i).width, 32 + i % 7);
  }
  EXPECT_TRUE(check_pack(folder_ / "pack", {.decode = true, .progress = false}).damaged.empty());
  EXPECT_EQ(entries(), 2) << "photos and the pack";
}

TEST_F(WritePack, GivesTheSameBytesEachTime) {
  write_pack(made(20), folder_ / "a", quiet());
  PackWriterOptions other = quiet();
  other.threads = 1;
  ::sleep(1);  // times that HDF5 keeps have seconds
  write_pack(made(20), folder_ / "b", other);
  EXPECT_EQ(hashes(folder_ / "a"), hashes(folder_ / "b"));
}

TEST_F(WritePack, StoresSquaresWithTheSizesOfTheImages) {
  const ImportedImages imported = made(9);
  PackWriterOptions options = quiet(3 * 16 * 16 * 3);
  options.pixels = 16;
  write_pack(imported, folder_ / "pack", options);
  const PackReader pack(folder_ / "pack");
  EXPECT_EQ(pack.pixels(), 16);
  EXPECT_EQ(pack.manifest().shards.size(), 3u);
  ImageDecoder decoder;
  for (int64_t i = 0; i < 9; ++i) {
    std::vector<uint8_t> stored;
    pack.read_image(i, stored);
    std::ifstream file(imported.images[static_cast<size_t>(i)].file, std::ios::binary);
    const std::vector<uint8_t> jpeg(std::istreambuf_iterator<char>(file), {});
    std::vector<uint8_t> square(16 * 16 * 3);
    decoder.decode(jpeg, whole_image(pack.size(i)), 16, square.data(), "made");
    EXPECT_EQ(stored, square);
    EXPECT_EQ(pack.size(i).height, 24 + i % 5);
    EXPECT_EQ(pack.stored_size(i).height, 16);
  }
  EXPECT_TRUE(check_pack(folder_ / "pack", {.decode = true, .progress = false}).damaged.empty());
}

TEST_F(WritePack, TellsEveryImageThatCannotBeDecodedAndLeavesNothing) {
  const ImportedImages imported = made(30);
  for (const int bad : {0, 13, 29}) cut(bad);
  const std::string told =
      refusal([&] { write_pack(imported, folder_ / "pack", quiet(int64_t{1} << 20)); });
  EXPECT_THAT(told, HasSubstr("3 image file(s) cannot be packed"));
  for (const char* name : {"/0.jpg", "/13.jpg", "/29.jpg"}) EXPECT_THAT(told, HasSubstr(name));
  EXPECT_EQ(entries(), 1);
}

TEST_F(WritePack, TellsTenImagesThatCannotBePackedAndTheCountOfTheRest) {
  const ImportedImages imported = made(30);
  for (int bad = 0; bad < 13; ++bad) cut(bad);
  const std::string told = refusal([&] { write_pack(imported, folder_ / "pack", quiet()); });
  EXPECT_THAT(told, HasSubstr("13 image file(s) cannot be packed"));
  EXPECT_THAT(told, HasSubstr("/9.jpg"));
  EXPECT_THAT(told, Not(HasSubstr("/10.jpg")));
  EXPECT_THAT(told, HasSubstr("... and 3 more"));
}

TEST_F(WritePack, LeavesOutWhatCannotBeDecodedAndTellsWhy) {
  const ImportedImages imported = made(30);
  for (const int bad : {0, 13, 14, 29}) cut(bad);
  PackWriterOptions options = quiet();
  options.skip_bad = true;
  const PackSummary summary = write_pack(imported, folder_ / "pack", options);
  EXPECT_EQ(summary.skipped, 4);
  const PackReader pack(folder_ / "pack");
  EXPECT_EQ(pack.images(), 26);
  EXPECT_EQ(pack.manifest().positives[0], 15 - 2);
  EXPECT_EQ(pack.id(0), "1");
  std::string notes;
  for (const std::string& note : pack.manifest().notes) notes += note + "\n";
  EXPECT_THAT(notes, HasSubstr("4 damaged image files were left out"));
  EXPECT_THAT(notes, HasSubstr("13.jpg: damaged JPEG"));
  EXPECT_TRUE(check_pack(folder_ / "pack", {.decode = true, .progress = false}).damaged.empty());
}

TEST_F(WritePack, LooksAtHeadersAndEndMarkersAloneWhereItIsToldTo) {
  const ImportedImages imported = made(3);
  const fs::path file = imported.images[1].file;
  {  // garbage in the middle
    std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekp(static_cast<std::streamoff>(fs::file_size(file)) - 20);
    bytes.write("\xFF\xC4\xFF\xC4\xFF\xC4\xFF\xC4", 8);
  }
  EXPECT_THAT(refusal([&] { write_pack(imported, folder_ / "a", quiet()); }),
              HasSubstr("1 image file(s) cannot be packed"));
  PackWriterOptions trusting = quiet();
  trusting.decode = false;
  EXPECT_EQ(write_pack(imported, folder_ / "b", trusting).manifest.images, 3);
  cut(2);
  EXPECT_THAT(refusal([&] { write_pack(imported, folder_ / "c", trusting); }),
              HasSubstr("cut short (no end marker)"));
}

TEST_F(WritePack, RefusesAFileTooLargeForAPhotographUnreadAndLeavesNothing) {
  std::ofstream(folder_ / "huge.jpg") << "x";
  fs::resize_file(folder_ / "huge.jpg", uintmax_t{1} << 40);  // takes no room: nothing is written
  ImportedImages imported;
  imported.classes = {"a"};
  for (int i = 0; i < 4; ++i)
    imported.images.push_back(
        {.file = folder_ / "huge.jpg", .id = std::to_string(i), .labels = {1}});
  const std::string told = refusal([&] { write_pack(imported, folder_ / "pack", quiet()); });
  EXPECT_THAT(told, HasSubstr("4 image file(s) cannot be packed"));
  EXPECT_THAT(told, HasSubstr("huge.jpg: 1099511627776 bytes are no photograph"));
  EXPECT_EQ(entries(), 2);
}

TEST_F(WritePack, HoldsNoBytesOfFilesThatItLeavesOut) {
  if (kAddressSanitizer) GTEST_SKIP() << "it keeps freed memory for a while";
  constexpr int kImages = 200;
  const ImportedImages imported = made(kImages, int64_t{1} << 20);
  for (int i = 1; i < kImages; ++i) cut(i);
  const pid_t child = ::fork();
  if (child == 0) {
    const int64_t before = resident_bytes();
    PackWriterOptions options = skipping();
    options.pixels = 16;
    options.shard_bytes = int64_t{1} << 30;
    const PackSummary summary = write_pack(imported, folder_ / "pack", options);
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const int64_t grown = usage.ru_maxrss * 1024 - before;
    if (grown >= kLargestReadAhead || summary.skipped != kImages - 1)
      std::fprintf(stderr, "%ld skipped, %ld MiB more\n", summary.skipped, grown >> 20);
    ::_exit(summary.skipped == kImages - 1 && grown < kLargestReadAhead ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(WritePack, RefusesPixelsThatCannotBeMade) {
  PackWriterOptions options = quiet();
  options.pixels = 16;
  write_pack(made(3), folder_ / "pixels", options);
  const auto pack = std::make_shared<const PackReader>(folder_ / "pixels");
  ImportedImages again = made(1);
  again.images[0].file.clear();
  again.images[0].pack = pack;
  EXPECT_THAT(refusal([&] { write_pack(again, folder_ / "files", quiet()); }),
              HasSubstr("cannot become others"));
  EXPECT_EQ(write_pack(again, folder_ / "same", options).manifest.images, 1);
  options.decode = false;
  EXPECT_THAT(refusal([&] { write_pack(made(3), folder_ / "b", options); }),
              HasSubstr("pixels are made by decoding"));
}

TEST_F(WritePack, HoldsNoShardInMemory) {
  if (kAddressSanitizer) GTEST_SKIP() << "it keeps freed memory for a while";
  constexpr int kImages = 300;
  constexpr int64_t kBytes = int64_t{1} << 20;  // of each
  const ImportedImages imported = made(kImages, kBytes);
  const pid_t child = ::fork();
  if (child == 0) {
    const int64_t before = resident_bytes();
    PackWriterOptions options = quiet(int64_t{1} << 30);
    options.decode = false;
    const PackSummary summary = write_pack(imported, folder_ / "pack", options);
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const int64_t grown = usage.ru_maxrss * 1024 - before;
    ::_exit(summary.manifest.shards.size() == 1 && grown < 2 * kLargestReadAhead ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << kImages << " MiB were packed with more than twice the read-ahead";
}

}  // namespace
}  // namespace catamaran
