#include "dataio/pack_staging.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include "dataio/pack_check.h"
#include "interposed_calls.h"
#include "made_jpeg.h"
#include "made_pack.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_lock.h"
#include "support/host_name.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A process that begins its work on a word of this one. It is forked before any thread stalls: a
// child forked beside threads may find the allocator locked for ever.
class LaterProcess {
 public:
  // The work tells whether it went well.
  explicit LaterProcess(const std::function<bool()>& work) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      char word = 0;
      ::close(ends[1]);
      ::_exit(::read(ends[0], &word, 1) == 1 && work() ? 0 : 1);
    }
    ::close(ends[0]);
    word_ = ends[1];
  }
  LaterProcess(const LaterProcess&) = delete;
  LaterProcess& operator=(const LaterProcess&) = delete;
  ~LaterProcess() {
    if (word_ >= 0) ended_well(false);
  }

  bool goes_well() { return ended_well(true); }

 private:
  bool ended_well(bool begin) {
    if (begin && ::write(word_, "!", 1) != 1) throw std::runtime_error("the process is gone");
    ::close(std::exchange(word_, -1));
    int status = -1;
    ::waitpid(child_, &status, 0);
    return status == 0;
  }

  pid_t child_ = -1;
  int word_ = -1;
};

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
    return refusal(PackReader(folder_ / "pack"), {.patience_seconds = 0.3, .progress = false});
  }
  std::string refusal(const PackReader& pack, const StagingOptions& options) const {
    try {
      stage_pack(pack, folder_ / "scratch", options);
    } catch (const DataError& problem) {
      return problem.what();
    }
    return "staged";
  }
  void expect_locks_alone_in_scratch() const {
    for (const auto& entry : fs::directory_iterator(folder_ / "scratch"))
      EXPECT_THAT(entry.path().filename().string(), testing::EndsWith(".lock"));
  }
  fs::path left_by(const std::string& copy, const std::string& host, pid_t process) const {
    const fs::path left =
        folder_ / "scratch" / ("." + copy + ".tmp." + host + "." + std::to_string(process));
    fs::create_directories(left);
    return left;
  }
  std::string name_of_copy() const {
    return staged_path(PackReader(folder_ / "pack"), "scratch").filename();
  }
  // The number of a process that is no more.
  static pid_t dead_process() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    return child;
  }

  fs::path folder_;
};

TEST_F(StagePack, GivesAWholeCopyAndTakesItAgain) {
  const fs::path copy = stage();
  EXPECT_EQ(PackReader(copy).fingerprint(), PackReader(folder_ / "pack").fingerprint());
  EXPECT_EQ(copy, fs::absolute(folder_ / "scratch") / name_of_copy());
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
  expect_locks_alone_in_scratch();
}

TEST_F(StagePack, EndsACopyThatStallsAndSaysWhatItWasAt) {
  const PackReader pack(folder_ / "pack");
  LaterProcess next([this] { return PackReader(stage()).images() == 40; });
  const Stopwatch watch;
  {
    const StalledReads stalled("/pack/shard-00001.h5");
    EXPECT_THAT(
        refusal(pack, {.timeout_seconds = 0.3, .progress = false}),
        testing::AllOf(HasSubstr((folder_ / "pack").string()),
                       HasSubstr("host " + host_name() + " has been copying shard-00001.h5"),
                       HasSubstr("without a byte more"), HasSubstr("data.timeout_seconds")));
    EXPECT_LT(watch.seconds(), 40);  // it does not wait for the read
  }
  // What it had copied stayed, since deleting it might have hung, until the next process came: this
  // one's number names the files that its thread, left behind in the read, tidies up meanwhile.
  EXPECT_TRUE(next.goes_well());
  fs::remove_all(folder_ / "scratch" / name_of_copy());
  expect_locks_alone_in_scratch();
}

TEST_F(StagePack, TellsOfADamagedShardWhileAnotherStalls) {
  const PackReader pack(folder_ / "pack");  // opened before a shard changes
  std::fstream(folder_ / "pack/shard-00002.h5", std::ios::in | std::ios::out | std::ios::binary)
      << "damaged";
  const StalledReads stalled("/pack/shard-00001.h5");
  EXPECT_THAT(refusal(pack, {.timeout_seconds = 60, .progress = false}),
              HasSubstr("shard-00002.h5: the copy's SHA-256"));
}

TEST_F(StagePack, IsBrokenOffOnAWishToStop) {
  const PackReader pack(folder_ / "pack");
  std::stop_source stop;
  const Stopwatch watch;
  const StalledReads stalled("/pack/shard-00001.h5");
  const std::jthread wish([&] {
    while (stalled_reads() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop.request_stop();
  });
  EXPECT_THAT(refusal(pack, {.progress = false, .stop = stop.get_token()}),
              HasSubstr("broken off"));
  EXPECT_LT(watch.seconds(), 40);  // it does not wait for the read
  expect_locks_alone_in_scratch();
}

TEST_F(StagePack, MakesNothingDurableAndCopiesAgainAfterTheMachineHasStartedAnew) {
  const int64_t before = fsync_calls();
  const fs::path copy = stage();
  EXPECT_EQ(fsync_calls(), before);
  fs::permissions(copy / "shard-00001.h5", fs::perms::owner_read);  // a mark of this copy
  EXPECT_EQ(stage(), copy);
  EXPECT_EQ(fs::status(copy / "shard-00001.h5").permissions(), fs::perms::owner_read);
  // Another machine may share the disk: it is not known to have crashed.
  std::ofstream(copy / ".boot-id") << "another-host another-start\n";
  EXPECT_EQ(stage(), copy);
  EXPECT_EQ(fs::status(copy / "shard-00001.h5").permissions(), fs::perms::owner_read);
  std::ofstream(copy / ".boot-id") << host_name() << " another-start\n";
  EXPECT_EQ(stage(), copy);
  EXPECT_NE(fs::status(copy / "shard-00001.h5").permissions(), fs::perms::owner_read);
}

// A container's process sees none of another container's, whose host may have the same name.
TEST_F(StagePack, LeavesAloneWhatTheHolderOfAnotherLockWritesWhateverItsNumber) {
  const std::string other = "catamaran-0123456789abcdef";
  const fs::path left = left_by(other, host_name(), dead_process());
  const fs::path path = folder_ / "scratch" / ("." + other + ".lock");
  {
    const FileDescriptor held(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(try_lock(held, path, ErrorKind::kData), LockState::kTaken);
    fs::remove_all(stage());
    EXPECT_TRUE(fs::exists(left));
  }
  stage();
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(StagePack, RemovesWhatItsLockShowsToBeLeftOverWhateverHostAndNumberItNames) {
  const fs::path living = left_by(name_of_copy(), host_name(), ::getppid());
  const fs::path elsewhere = left_by(name_of_copy(), "another-host", 17);
  const fs::path not_ours = left_by("results", "another-host", 17);
  stage();
  EXPECT_FALSE(fs::exists(living));
  EXPECT_FALSE(fs::exists(elsewhere));
  EXPECT_TRUE(fs::exists(not_ours));
}

TEST_F(StagePack, LetsOneOfSeveralProcessesCopyForAll) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const fs::path copy = stage_pack(PackReader(folder_ / "pack"), folder_ / "scratch",
                                       {.patience_seconds = 60, .progress = false});
      std::error_code code;  // a link keeps the file that this process has seen
      fs::create_hard_link(copy / "pack.json", folder_ / ("seen-" + std::to_string(i)), code);
      ::_exit(code ? 1 : 0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const fs::path copy = stage();
  EXPECT_EQ(PackReader(copy).images(), 40);
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(fs::equivalent(copy / "pack.json", folder_ / ("seen-" + std::to_string(i)))) << i;
}

TEST_F(StagePack, KeepsCopiesOfPacksApartThatDifferInTheirIdsAlone) {
  const fs::path copy = stage();
  std::vector<MadeImage> made;
  const PackReader pack(folder_ / "pack");
  for (int64_t i = 0; i < pack.images(); ++i) {
    std::vector<uint8_t> jpeg;
    pack.read_image(i, jpeg);
    made.push_back({.id = "other-" + pack.id(i),
                    .jpeg = jpeg,
                    .size = pack.size(i),
                    .labels = {pack.labels(i).begin(), pack.labels(i).end()}});
  }
  make_pack(folder_ / "other", pack.manifest().classes, made, 10);
  const PackReader other(folder_ / "other");
  ASSERT_EQ(other.fingerprint(), pack.fingerprint());
  const fs::path copy_of_other =
      stage_pack(other, folder_ / "scratch", {.patience_seconds = 1, .progress = false});
  EXPECT_NE(copy_of_other, copy);
  EXPECT_EQ(PackReader(copy_of_other).id(0), "other-" + pack.id(0));
}

TEST_F(StagePack, GivesUpWhereAnotherProcessMakesNoProgress) {
  fs::create_directories(folder_ / "scratch");
  const fs::path path = folder_ / "scratch" / ("." + name_of_copy() + ".lock");
  const FileDescriptor held(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(try_lock(held, path, ErrorKind::kData), LockState::kTaken);
  const std::jthread other_job([&](const std::stop_token& stop) {
    std::ofstream log(folder_ / "scratch" / "log");
    while (!stop.stop_requested()) {
      log << "more" << std::endl;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  EXPECT_THAT(refusal(), HasSubstr("without a byte more"));
}

TEST_F(StagePack, BeginsAnewAfterAKilledProcess) {
  const fs::path left = left_by(name_of_copy(), host_name(), dead_process());
  fs::create_directories(folder_ / "scratch" / name_of_copy());  // half deleted
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
