// A write of a checkpoint that does not return, as on storage that hangs, and one in the middle of
// which another job takes the run over.
#include "trainer/checkpoint_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "file_content.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/log.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

CheckpointContents contents(int64_t step) {
  CheckpointContents made;
  made.state.step = step;
  made.state.model = to_json(CatOptions());
  made.state.classes = {"cat"};
  made.model.emplace_back("w", torch::zeros({3}));
  made.optimizer.emplace_back("momentum.w", torch::zeros({3}));
  return made;
}

// Storage that hangs until it is mended; the writer's thread has a share of it.
struct HangingStorage {
  std::promise<void> mended;
  std::shared_future<void> answers{mended.get_future()};
};

class HangingCheckpoint : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override {
    storage_->mended.set_value();
    while (storage_.use_count() > 1) std::this_thread::yield();  // until the thread has ended
    EXPECT_EQ(ends_, 0) << "the run that was to be told had ended";
    EXPECT_TRUE(fs::is_empty(folder_)) << "nobody waits for it any more";
    fs::remove_all(folder_);
  }

  void begin(const WritePatience& patience) {
    writer_.emplace(
        folder_, Retention{.keep = 5}, [this](const CheckpointEnd&) { ++ends_; },
        [storage = storage_] { storage->answers.wait(); }, patience);
    writer_->save(contents(7), "periodic", Stopwatch());
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("hanging-checkpoint-" + std::to_string(::getpid()));
  const std::shared_ptr<HangingStorage> storage_ = std::make_shared<HangingStorage>();
  std::atomic<int> ends_ = 0;
  std::optional<CheckpointWriter> writer_;
};

TEST_F(HangingCheckpoint, IsWarnedOfAndGivenUpByNameAtTheBound) {
  const fs::path file = folder_.string() + ".jsonl";
  const LogFile log_file(file, 0);
  begin({.timeout_seconds = 0.4, .warn_seconds = 0.1});
  try {
    writer_->finish();
    ADD_FAILURE() << "a write that hangs is whole";
  } catch (const WeightsError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr((folder_ / "step-00000007").string()));
    EXPECT_THAT(problem.what(), HasSubstr("checkpoint.timeout_seconds"));
  }
  const Stopwatch ending;
  writer_.reset();
  EXPECT_LT(ending.seconds(), 0.2) << "it was given up";
  const std::string said = file_content(file);
  fs::remove(file);
  EXPECT_THAT(said, HasSubstr((folder_ / "step-00000007").string() + ": host "));
  EXPECT_EQ(said.find("see whether its storage answers"),
            said.rfind("see whether its storage answers"))
      << "once: " << said;
}

TEST_F(HangingCheckpoint, EndsTheRunAtTheNextOneInsteadOfBeingTriedAgain) {
  begin({.timeout_seconds = 0.2, .warn_seconds = 0.1});
  EXPECT_THROW(writer_->save(contents(8), "periodic", Stopwatch()), WeightsError);
  writer_.reset();
}

TEST_F(HangingCheckpoint, IsTakenForOverdueAtTheSecondLookAlone) {
  begin({.timeout_seconds = 0.2, .warn_seconds = 0.1});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(writer_->look(), WriteState::kWriting) << "the job may have been suspended";
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(writer_->look(), WriteState::kOverdue);
  writer_.reset();
}

TEST_F(HangingCheckpoint, IsWaitedForALittleWhenTheRunEndsForAnotherReason) {
  begin({.timeout_seconds = 1000, .warn_seconds = 0.3});
  const Stopwatch ending;
  writer_.reset();
  EXPECT_GE(ending.seconds(), 0.29);
  EXPECT_LT(ending.seconds(), 10);
}

class CheckpointOfALostRun : public testing::Test {
 protected:
  CheckpointOfALostRun() { write_checkpoint(folder_, contents(1)); }
  ~CheckpointOfALostRun() override { fs::remove_all(folder_); }

  // Of step 2, where the run is lost after so many questions whether it still is this job's.
  void write_until_lost(int answers) const {
    int asked = 0;
    CheckpointWriter writer(
        folder_, {.keep = 1}, [](const CheckpointEnd&) {},
        [&asked, answers] {
          if (++asked > answers) throw WeightsError("another job has taken it over", "", "");
        });
    writer.save(contents(2), "periodic", Stopwatch());
    EXPECT_THROW(writer.finish(), WeightsError);
    EXPECT_TRUE(temporaries_in(folder_).empty());
    EXPECT_TRUE(is_there(1)) << "deleted among those of the other job";
  }
  bool is_there(int64_t step) const { return fs::exists(folder_ / checkpoint_name(step)); }

  const fs::path folder_ =
      fs::temp_directory_path() / ("lost-checkpoint-" + std::to_string(::getpid()));
};

TEST_F(CheckpointOfALostRun, DoesNotGetItsNameHoweverFarItIs) {
  write_until_lost(1);
  EXPECT_FALSE(is_there(2));
  EXPECT_EQ(latest_checkpoint_name(folder_), checkpoint_name(1));
}

TEST_F(CheckpointOfALostRun, DoesNotBecomeTheLatest) {
  write_until_lost(2);
  EXPECT_TRUE(is_there(2));
  EXPECT_EQ(latest_checkpoint_name(folder_), checkpoint_name(1));
}

TEST_F(CheckpointOfALostRun, DeletesNoOther) {
  write_until_lost(3);
  EXPECT_EQ(latest_checkpoint_name(folder_), checkpoint_name(2));
}

}  // namespace
}  // namespace catamaran
