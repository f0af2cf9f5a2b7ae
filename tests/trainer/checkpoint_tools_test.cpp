#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "flipped_byte.h"
#include "support/error.h"
#include "support/host_name.h"
#include "trainer/checkpoint.h"
#include "trainer/checkpoint_tools_api.h"
#include "trainer/run_directory.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class CheckpointTools : public testing::Test {
 protected:
  void SetUp() override {
    run_ = fs::path(testing::TempDir()) /
           ("tools-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(run_);
    fs::create_directories(folder());
  }
  void TearDown() override { fs::remove_all(run_); }

  // Four steps an epoch.
  static CheckpointContents contents(int64_t step, int64_t best_step = 0) {
    CheckpointContents made;
    made.state.step = step;
    made.state.epoch = step / 4;
    made.state.step_in_epoch = step % 4;
    made.state.ema_updates = step;
    made.state.best_step = best_step;
    made.state.best_map = best_step > 0 ? 0.5 : -1;
    made.state.optimizer = "adamw";
    made.state.model = to_json(CatOptions());
    made.state.classes = {"cat", "dog"};
    made.model = {{"w", torch::full({2, 3}, static_cast<double>(step))}};
    made.ema = {{"w", torch::zeros({2, 3})}};
    made.optimizer = {{"exp_avg/w", torch::zeros({2, 3})}, {"step/w", torch::ones({})}};
    return made;
  }
  void write(int64_t step, int64_t best_step = 0) const {
    write_checkpoint(folder(), contents(step, best_step));
  }
  fs::path folder() const { return run_ / "checkpoints"; }
  fs::path at(int64_t step) const { return folder() / checkpoint_name(step); }

  std::string problem_of(const CheckpointContents& made) const {
    write_checkpoint(folder(), made);
    return verify_checkpoints({at(made.state.step)}).front().problem;
  }
  // The names of what goes, in order.
  std::vector<std::string> pruned(int64_t keep, int64_t keep_every_epochs = 0,
                                  bool dry_run = false) {
    const PruneRequest request = {
        .run = run_, .keep = keep, .keep_every_epochs = keep_every_epochs, .dry_run = dry_run};
    std::vector<std::string> names;
    staying_ = prune_checkpoints(request, [&](const PrunedItem& item) {
      EXPECT_GT(item.bytes, 0);
      names.push_back(item.path.filename().string());
    });
    return names;
  }
  fs::path run_;
  int64_t staying_ = 0;  // of the last prune
};

TEST_F(CheckpointTools, ListTellsTheHighestStepFirstWithItsMarks) {
  write(4, 4);
  write(9, 4);
  write(6, 4);
  const std::vector<CheckpointSummary> all = list_checkpoints(run_).checkpoints;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_THAT((std::vector{all[0].step, all[1].step, all[2].step}), ElementsAre(9, 6, 4));
  EXPECT_TRUE(all[0].abandoned);
  EXPECT_TRUE(all[1].latest);
  EXPECT_EQ(all[1].epoch, 1);
  EXPECT_EQ(all[1].step_in_epoch, 2);
  EXPECT_TRUE(all[2].best);
  EXPECT_EQ(all[2].map, 0.5);
  EXPECT_FALSE(all[0].best || all[1].best || all[0].latest || all[2].latest || all[2].abandoned);
  for (const CheckpointSummary& one : all) {
    EXPECT_EQ(one.problem, "");
    EXPECT_GT(one.bytes, 500);
    EXPECT_GT(one.written_seconds, 1e9);
  }
}

TEST_F(CheckpointTools, ListTellsWhatIsMissingOrOfAnotherSize) {
  for (const int64_t step : {1, 2, 3, 4}) write(step);
  fs::remove(at(1) / "state.json");
  fs::remove(at(2) / "ema.safetensors");
  fs::resize_file(at(3) / "optimizer.safetensors",
                  fs::file_size(at(3) / "optimizer.safetensors") - 1);
  flip_last_byte(at(4) / "model.safetensors");
  const std::vector<CheckpointSummary> all = list_checkpoints(run_).checkpoints;
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].problem, "") << "that takes reading the tensors";
  EXPECT_THAT(all[1].problem, HasSubstr("optimizer.safetensors"));
  EXPECT_THAT(all[2].problem, HasSubstr("ema.safetensors: the file is missing"));
  EXPECT_THAT(all[3].problem, HasSubstr("state.json"));
  EXPECT_EQ(all[3].epoch, -1);
  EXPECT_EQ(all[3].written_seconds, 0);
}

TEST_F(CheckpointTools, ListTellsTheTemporariesOfKilledWritersAndOfOthers) {
  const std::string here = host_name();
  const fs::path dead = folder() / (".step-00000001.tmp." + here + ".2147483647");
  fs::create_directory(dead);
  std::ofstream(dead / "model.safetensors") << "half of it";
  std::ofstream(folder() / (".latest.tmp." + here + "." + std::to_string(::getpid()))) << "mine";
  std::vector<CheckpointLeftover> all = list_checkpoints(run_).leftovers;
  std::ranges::sort(all, {}, &CheckpointLeftover::bytes);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].process, ::getpid());
  EXPECT_FALSE(all[0].writer_is_gone);
  EXPECT_EQ(all[1].bytes, 10);
  EXPECT_EQ(all[1].host, here);
  EXPECT_TRUE(all[1].writer_is_gone);
}

TEST_F(CheckpointTools, VerifyReadsEverything) {
  for (const int64_t step : {1, 2, 3}) write(step);
  flip_last_byte(at(2) / "model.safetensors");
  const std::vector<CheckpointVerdict> all = verify_checkpoints({run_, at(1) / ""});
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].path, at(3));
  EXPECT_EQ(all[0].problem, "");
  EXPECT_THAT(all[1].problem, HasSubstr((at(2) / "model.safetensors").string()));
  EXPECT_THAT(all[1].problem, HasSubstr("resume from another checkpoint"));
  EXPECT_EQ(all[2].problem, "");
  EXPECT_EQ(all[3].problem, "");
}

TEST_F(CheckpointTools, VerifyComparesTheFilesWithEachOther) {
  CheckpointContents made = contents(8);
  made.ema = {{"w", torch::zeros({3, 2})}};
  EXPECT_THAT(problem_of(made), HasSubstr("the tensor 'w' is F32[3, 2], and the model's is"));
  made.ema = {{"v", torch::zeros({2, 3})}};
  EXPECT_THAT(problem_of(made), HasSubstr("ema.safetensors: the model's tensor 'w' is not in it"));
  made.ema.clear();
  EXPECT_THAT(problem_of(made), HasSubstr("there is no checksum of ema.safetensors"));
  made.state.ema_updates = 0;
  EXPECT_EQ(problem_of(made), "");
  made.optimizer = {{"exp_avg/w", torch::zeros({6})}};
  EXPECT_THAT(problem_of(made), HasSubstr("'exp_avg/w' is [6], and the model's tensor is [2, 3]"));
  made.optimizer = {{"exp_avg/x", torch::zeros({6})}};
  EXPECT_THAT(problem_of(made), HasSubstr("a tensor that the model does not have"));
  made.optimizer = {{"step", torch::zeros({})}};
  EXPECT_EQ(problem_of(made), "");
  fs::rename(at(8), at(9));
  EXPECT_THAT(verify_checkpoints({at(9)}).front().problem, HasSubstr("it is of step 8"));
}

TEST_F(CheckpointTools, WhatIsNoRunOrCheckpointIsAMistakeOfTheCommandLine) {
  EXPECT_THROW(list_checkpoints(folder()), UsageError);
  EXPECT_THROW(verify_checkpoints({folder()}), UsageError);
  EXPECT_THROW(prune_checkpoints({.run = folder()}, [](const PrunedItem&) {}), UsageError);
  EXPECT_THROW(verify_checkpoints({run_}), WeightsError) << "nothing there is nothing whole";
  EXPECT_TRUE(list_checkpoints(run_).checkpoints.empty());
}

TEST_F(CheckpointTools, PruneKeepsTheNewestTheBestAndTheEndsOfEpochs) {
  for (int64_t step = 1; step <= 10; ++step) write(step, std::min<int64_t>(step, 2));
  EXPECT_THAT(pruned(1, 2, /*dry_run=*/true),
              ElementsAre("step-00000009", "step-00000007", "step-00000006", "step-00000005",
                          "step-00000004", "step-00000003", "step-00000001"));
  EXPECT_EQ(staying_, 3);
  EXPECT_EQ(list_checkpoints(run_).checkpoints.size(), 10u);
  EXPECT_FALSE(fs::exists(run_ / "lock")) << "a dry run changes nothing";
  EXPECT_EQ(pruned(1, 2).size(), 7u);
  EXPECT_EQ(staying_, 3);
  for (const int64_t stays : {2, 8, 10}) EXPECT_TRUE(fs::exists(at(stays))) << stays;
  EXPECT_THAT(pruned(1), ElementsAre("step-00000008"));
}

TEST_F(CheckpointTools, PruneKeepsWhatAResumeWouldTakeAndWhatLatestNames) {
  for (const int64_t step : {1, 2, 3, 4}) write(step);
  flip_last_byte(at(4) / "model.safetensors");
  flip_last_byte(at(3) / "model.safetensors");
  EXPECT_THAT(pruned(1), ElementsAre("step-00000003", "step-00000001"));
  EXPECT_TRUE(fs::exists(at(4))) << "`latest` names it";
  EXPECT_EQ(find_checkpoint(folder()), at(2));
  flip_last_byte(at(2) / "ema.safetensors");
  EXPECT_THROW(pruned(1), WeightsError) << "none is whole: nothing is deleted";
  EXPECT_TRUE(fs::exists(at(2)));
}

TEST_F(CheckpointTools, PruneDeletesWhatKilledWritersLeft) {
  write(1);
  const fs::path left = folder() / ".step-00000002.tmp.node7.4711";
  fs::create_directory(left);
  std::ofstream(left / "model.safetensors") << "half of it";
  EXPECT_THAT(pruned(1), ElementsAre(left.filename().string()));
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(at(1)));
}

TEST_F(CheckpointTools, PruneIsRefusedWhileAJobHasTheRun) {
  RunDirectory job(run_);
  job.keep();
  write(1);
  write(2);
  for (const bool dry_run : {false, true}) {
    try {
      pruned(1, 0, dry_run);
      ADD_FAILURE() << "a run that a job has was pruned";
    } catch (const UsageError& problem) {
      EXPECT_THAT(problem.what(), HasSubstr("process " + std::to_string(::getpid())));
    }
  }
  EXPECT_TRUE(fs::exists(at(1)));
}

}  // namespace
}  // namespace catamaran
