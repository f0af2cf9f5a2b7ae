// What a run that was killed leaves, and what the next one makes of it.
#include "dataio/partial_pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "dataio/pack_check.h"
#include "dataio/pack_plan.h"
#include "dataio/pack_writer.h"
#include "dataio/shard_writer.h"
#include "pack_writer_fixture.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST_F(WritePack, GoesOnAfterTheShardsThatAKilledRunHasFinished) {
  const ImportedImages imported = made(400);
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
  ASSERT_FALSE(fs::exists(folder_ / "pack")) << "the child was too quick to be killed";
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
      partial.finish(
          0, plan_pack(imported, plan).parts[0].fingerprint,
          {.file = shard_name(0), .bytes = 12, .images = 5, .sha256 = std::string(64, '0')});
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
      partial.finish(part, plan.parts[at].fingerprint, shard);
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

TEST_F(WritePack, RefusesToPackWhereAnotherProcessPacks) {
  const ImportedImages imported = made(3);
  PartialPack other(folder_ / "pack", "0123");
  EXPECT_THAT(refusal([&] { write_pack(imported, folder_ / "pack", quiet()); }),
              HasSubstr("another process is packing into it"));
}

}  // namespace
}  // namespace catamaran
