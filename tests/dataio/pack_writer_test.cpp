#include "dataio/pack_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "dataio/image.h"
#include "dataio/pack_check.h"
#include "dataio/pack_plan.h"
#include "dataio/partial_pack.h"
#include "dataio/shard_writer.h"
#include "made_jpeg.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/heap.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

class WritePack : public testing::Test {
 protected:
  WritePack()
      : folder_(fs::path(testing::TempDir()) / ("write-pack-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "photos");
  }
  ~WritePack() override { fs::remove_all(folder_); }

  // `count` pictures of different sizes and colours; `padding` bytes behind the picture's end.
  ImportedImages made(int count, size_t padding = 0) {
    ImportedImages imported;
    imported.data_set = "made";
    imported.split = "train";
    imported.classes = {"even", "odd"};
    for (int i = 0; i < count; ++i) {
      const fs::path file = folder_ / "photos" / (std::to_string(i) + ".jpg");
      if (!fs::exists(file)) {
        std::vector<uint8_t> jpeg =
            made_jpeg(32 + i % 7, 24 + i % 5, static_cast<uint8_t>(i), 90, 200);
        if (padding > 0) jpeg = with_comment(jpeg, padding);
        std::ofstream(file, std::ios::binary)
            .write(reinterpret_cast<const char*>(jpeg.data()), std::ssize(jpeg));
      }
      imported.images.push_back({.file = file,
                                 .id = std::to_string(i),
                                 .labels = {static_cast<int8_t>(i % 2 == 0 ? 1 : -1),
                                            static_cast<int8_t>(i % 2 == 0 ? -1 : 1)}});
    }
    return imported;
  }
  // A picture that takes up room: comments behind its start.
  static std::vector<uint8_t> with_comment(const std::vector<uint8_t>& jpeg, size_t bytes) {
    std::vector<uint8_t> out(jpeg.begin(), jpeg.begin() + 2);
    for (size_t left = bytes; left > 0;) {
      const size_t part = std::min<size_t>(left, 60000);
      out.insert(out.end(), {0xFF, 0xFE, static_cast<uint8_t>((part + 2) >> 8),
                             static_cast<uint8_t>((part + 2) & 0xFF)});
      out.insert(out.end(), part, uint8_t{'x'});
      left -= part;
    }
    out.insert(out.end(), jpeg.begin() + 2, jpeg.end());
    return out;
  }
  void cut(int image) {
    const fs::path file = folder_ / "photos" / (std::to_string(image) + ".jpg");
    fs::resize_file(file, fs::file_size(file) - 30);
  }
  static PackWriterOptions quiet(int64_t shard_bytes = 4000) {
    PackWriterOptions options;
    options.shard_bytes = shard_bytes;
    options.threads = 2;
    options.progress = false;
    return options;
  }
  static PackWriterOptions skipping() {
    PackWriterOptions options = quiet();
    options.skip_bad = true;
    return options;
  }
  static std::map<std::string, std::string> hashes(const fs::path& folder) {
    std::map<std::string, std::string> all;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
      all[entry.path().filename().string()] = sha256_of_file(entry.path());
    return all;
  }
  static std::string refusal(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& problem) {
      return problem.what();
    }
    return "accepted";
  }
  int64_t entries() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  fs::path folder_;
};

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

TEST_F(WritePack, GoesOnAfterTheShardsThatAKilledRunHasFinished) {
  const ImportedImages imported = made(60);
  write_pack(imported, folder_ / "whole", quiet());
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_DFL);
    write_pack(imported, folder_ / "pack", quiet());
    ::_exit(0);
  }
  const fs::path done = folder_ / ".pack.partial/done";
  while (!fs::exists(done / "00001.json") && ::waitpid(child, nullptr, WNOHANG) == 0) {
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  if (fs::exists(folder_ / "pack")) GTEST_SKIP() << "the child was too quick to be killed";
  const fs::path first = folder_ / ".pack.partial/pack" / shard_name(0);
  const auto written = fs::last_write_time(first);
  const PackSummary summary = write_pack(imported, folder_ / "pack", quiet());
  EXPECT_GE(summary.kept_shards, 2);
  EXPECT_EQ(hashes(folder_ / "pack"), hashes(folder_ / "whole"));
  EXPECT_EQ(fs::last_write_time(folder_ / "pack" / shard_name(0)), written);
  EXPECT_FALSE(fs::exists(folder_ / ".pack.partial"));
}

TEST_F(WritePack, PacksAgainWhatAKilledRunLeftDamagedOrOfOtherImages) {
  const auto leave = [&](const ImportedImages& imported) {
    const pid_t child = ::fork();
    if (child == 0) {
      PackWriterOptions options = quiet();
      const PackPlanOptions plan = {.shard_bytes = options.shard_bytes, .intake = {}};
      PartialPack partial(folder_ / "pack", plan_pack(imported, plan).fingerprint);
      std::ofstream(partial.folder() / shard_name(0)) << "half a shard";
      partial.finish(0, {.shard = ShardInfo{.file = shard_name(0),
                                            .bytes = 12,
                                            .images = 5,
                                            .sha256 = std::string(64, '0')},
                         .left_out = {},
                         .left_out_why = {},
                         .fingerprint = plan_pack(imported, plan).parts[0].fingerprint});
      ::_exit(0);  // as if it were killed
    }
    ::waitpid(child, nullptr, 0);
  };
  const ImportedImages imported = made(40);
  write_pack(imported, folder_ / "whole", quiet());
  leave(imported);
  EXPECT_EQ(write_pack(imported, folder_ / "pack", quiet()).kept_shards, 0);
  EXPECT_EQ(hashes(folder_ / "pack"), hashes(folder_ / "whole"));
  fs::remove_all(folder_ / "pack");
  ImportedImages fewer = imported;
  fewer.images.pop_back();
  leave(fewer);
  EXPECT_EQ(write_pack(imported, folder_ / "pack", quiet()).kept_shards, 0);
  EXPECT_EQ(hashes(folder_ / "pack"), hashes(folder_ / "whole"));
}

// What a run leaves that was killed after it finished these parts of the plan.
void leave_finished(const ImportedImages& imported, const PackWriterOptions& options,
                    const fs::path& whole, const fs::path& out, const std::set<int64_t>& parts) {
  const pid_t child = ::fork();
  if (child == 0) {
    const PackPlan plan =
        plan_pack(imported, {.shard_bytes = options.shard_bytes,
                             .intake = {.pixels = options.pixels, .decode = options.decode}});
    PartialPack partial(out, plan.fingerprint);
    for (const int64_t part : parts) {
      const auto at = static_cast<size_t>(part);
      const ShardInfo shard = PackReader(whole).manifest().shards.at(at);
      fs::copy_file(whole / shard.file, partial.folder() / shard.file);
      partial.finish(part, {.shard = shard,
                            .left_out = {},
                            .left_out_why = {},
                            .fingerprint = plan.parts[at].fingerprint});
    }
    std::ofstream(partial.folder() / ".pack.json.tmp.other.1") << "left";
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

TEST_F(WritePack, KeepsFinishedShardsWhileOneBadFileAfterTheOtherIsRepaired) {
  const ImportedImages imported = made(40);
  write_pack(imported, folder_ / "whole", quiet());
  leave_finished(imported, quiet(), folder_ / "whole", folder_ / "pack", {0, 1, 2});
  const fs::path last = imported.images.back().file;
  const std::vector<uint8_t> good = made_jpeg(32 + 39 % 7, 24 + 39 % 5, 39, 90, 200);
  cut(39);
  EXPECT_THAT(refusal([&] { write_pack(imported, folder_ / "pack", quiet()); }),
              HasSubstr("39.jpg: damaged JPEG"));
  EXPECT_TRUE(fs::exists(folder_ / ".pack.partial/pack" / shard_name(0)));
  std::ofstream(last, std::ios::binary)
      .write(reinterpret_cast<const char*>(good.data()), std::ssize(good));
  const PackSummary summary = write_pack(imported, folder_ / "pack", quiet());
  EXPECT_GE(summary.kept_shards, 3);
  EXPECT_EQ(hashes(folder_ / "pack"), hashes(folder_ / "whole"));
}

TEST_F(WritePack, NamesShardsAnewWhereAnEarlierOneIsNoMore) {
  PackWriterOptions options = skipping();
  options.pixels = 16;
  options.shard_bytes = 1 * 16 * 16 * 3;  // an image each
  const ImportedImages imported = made(4);
  write_pack(imported, folder_ / "whole", options);
  leave_finished(imported, options, folder_ / "whole", folder_ / "pack", {1, 2});
  const fs::path first = imported.images.front().file;
  const auto time = fs::last_write_time(first);
  std::ofstream(first, std::ios::binary | std::ios::in).write("damaged!", 8);
  fs::last_write_time(first, time);
  const PackSummary summary = write_pack(imported, folder_ / "pack", options);
  EXPECT_EQ(summary.skipped, 1);
  const PackReader pack(folder_ / "pack");
  ASSERT_EQ(pack.images(), 3);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(pack.id(i), std::to_string(i + 1));
  EXPECT_TRUE(check_pack(folder_ / "pack", {.decode = true, .progress = false}).damaged.empty());
  EXPECT_EQ(hashes(folder_ / "pack").size(), 4u) << "three shards and pack.json";
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

TEST_F(WritePack, TouchesNoFolderThatItDidNotMake) {
  fs::create_directories(folder_ / ".pack.partial");
  std::ofstream(folder_ / ".pack.partial/mine.txt") << "mine";
  EXPECT_THAT(refusal([&] { write_pack(made(3), folder_ / "pack", quiet()); }),
              HasSubstr("holds something else"));
  EXPECT_TRUE(fs::exists(folder_ / ".pack.partial/mine.txt"));
}

TEST_F(WritePack, RemovesWhatARunLeftThatWasKilledAfterItsPackWasThere) {
  write_pack(made(3), folder_ / "pack", quiet());
  fs::create_directories(folder_ / ".pack.partial/done");
  std::ofstream(folder_ / ".pack.partial/plan.json") << "{}";
  std::ofstream(folder_ / ".pack.partial/lock") << "";
  EXPECT_THAT(refusal([&] { write_pack(made(3), folder_ / "pack", quiet()); }),
              HasSubstr("exists already"));
  EXPECT_FALSE(fs::exists(folder_ / ".pack.partial"));
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

TEST_F(WritePack, RefusesToPackWhereAnotherProcessPacks) {
  const ImportedImages imported = made(3);
  PartialPack other(folder_ / "pack", "0123");
  EXPECT_THAT(refusal([&] { write_pack(imported, folder_ / "pack", quiet()); }),
              HasSubstr("another process is packing into it"));
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
