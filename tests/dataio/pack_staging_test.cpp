#include "dataio/pack_staging.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>

#include "dataio/pack_check.h"
#include "made_jpeg.h"
#include "made_pack.h"
#include "support/error.h"
#include "support/file_lock.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class StagePack : public testing::Test {
 protected:
  StagePack()
      : folder_(fs::path(testing::TempDir()) / ("stage-pack-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    std::vector<MadeImage> images;
    for (int i = 0; i < 40; ++i) {
      images.push_back({.id = std::to_string(i),
                        .jpeg = made_jpeg(32, 24, static_cast<uint8_t>(i), 9, 9),
                        .size = {.height = 24, .width = 32},
                        .labels = {1}});
    }
    make_pack(folder_ / "pack", {"a"}, images, 10);
  }
  ~StagePack() override { fs::remove_all(folder_); }

  fs::path stage() const {
    return stage_pack(PackReader(folder_ / "pack"), folder_ / "scratch",
                      {.patience_seconds = 0.3, .progress = false});
  }
  std::string refusal() const {
    try {
      stage();
    } catch (const DataError& problem) {
      return problem.what();
    }
    return "staged";
  }

  fs::path folder_;
};

TEST_F(StagePack, GivesAWholeCopyAndTakesItAgain) {
  const fs::path copy = stage();
  EXPECT_EQ(PackReader(copy).fingerprint(), PackReader(folder_ / "pack").fingerprint());
  EXPECT_THAT(copy.string(), HasSubstr("/scratch/catamaran-" + PackReader(copy).fingerprint()));
  const auto written = fs::last_write_time(copy / "pack.json");
  EXPECT_EQ(stage(), copy);
  EXPECT_EQ(fs::last_write_time(copy / "pack.json"), written);
}

TEST_F(StagePack, RefusesADamagedShardAndLeavesNoCopy) {
  const fs::path shard = folder_ / "pack/shard-00002.h5";
  std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  const char last = static_cast<char>(file.get() ^ 1);
  file.seekp(-1, std::ios::end);
  file.put(last);
  file.close();
  EXPECT_THAT(refusal(), HasSubstr("shard-00002.h5: the copy's SHA-256 is not the one"));
  for (const auto& entry : fs::directory_iterator(folder_ / "scratch"))
    EXPECT_THAT(entry.path().filename().string(), testing::EndsWith(".lock"));
}

TEST_F(StagePack, LetsOneOfSeveralProcessesCopyForAll) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const bool whole = stage_pack(PackReader(folder_ / "pack"), folder_ / "scratch",
                                    {.patience_seconds = 60, .progress = false}) ==
                         fs::absolute(folder_ / "scratch") /
                             ("catamaran-" + PackReader(folder_ / "pack").fingerprint());
      ::_exit(whole ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(PackReader(stage()).images(), 40);
}

TEST_F(StagePack, GivesUpWhereAnotherProcessMakesNoProgress) {
  fs::create_directories(folder_ / "scratch");
  const fs::path path =
      folder_ / "scratch" / (".catamaran-" + PackReader(folder_ / "pack").fingerprint() + ".lock");
  const FileDescriptor held(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(try_lock(held, path, ErrorKind::kData), LockState::kTaken);
  EXPECT_THAT(refusal(), HasSubstr("without a byte more"));
}

TEST_F(StagePack, BeginsAnewAfterAKilledProcess) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string fingerprint = PackReader(folder_ / "pack").fingerprint();
  const fs::path left =
      folder_ / "scratch" /
      (".catamaran-" + fingerprint + ".tmp." + host.data() + "." + std::to_string(child));
  fs::create_directories(left);
  fs::create_directories(folder_ / "scratch" / ("catamaran-" + fingerprint));  // half deleted
  EXPECT_EQ(PackReader(stage()).images(), 40);
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(StagePack, CopiesAgainWhereSomebodyHasDeletedAShardOfTheCopy) {
  const fs::path copy = stage();
  fs::remove(copy / "shard-00001.h5");
  EXPECT_EQ(PackReader(stage()).images(), 40);
}

TEST_F(StagePack, TellsWhereItCannotWrite) {
  std::ofstream(folder_ / "scratch") << "a file";
  EXPECT_THAT(refusal(), HasSubstr("data.stage"));
}

}  // namespace
}  // namespace catamaran
