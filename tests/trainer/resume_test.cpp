#include "trainer/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

RunOptions options_of(const std::string& optimizer) {
  RunOptions options;
  options.optimizer.name = optimizer;
  return options;
}

CheckpointState state_of(const RunOptions& options) {
  CheckpointState state;
  state.seed = options.seed;
  state.global_batch = options.batch.global;
  state.model = to_json(options.model);
  state.train_fingerprint = "pack";
  state.optimizer = options.optimizer.name;
  state.optimizer_settings = optimizer_settings(options.optimizer);
  return state;
}

std::vector<SettingChange> resume(const CheckpointState& state, const RunOptions& options) {
  return require_same_run(state, options, "pack", "the checkpoint");
}

TEST(Resume, GoesOnWithTheSameSettings) {
  for (const char* name : {"sgd", "adamw", "lars", "lamb"})
    EXPECT_TRUE(resume(state_of(options_of(name)), options_of(name)).empty()) << name;
}

TEST(Resume, RefusesWhatWouldChangeTheMeaningOfTheOptimizersState) {
  const auto expect_refused = [](const std::string& key, const RunOptions& before,
                                 const RunOptions& now) {
    try {
      resume(state_of(before), now);
      FAIL() << key;
    } catch (const WeightsError& problem) {
      EXPECT_THAT(problem.what(), HasSubstr(key));
      EXPECT_THAT(problem.what(), HasSubstr("the checkpoint"));
    }
  };
  expect_refused("optimizer.name was sgd when the checkpoint was written and is lars now",
                 options_of("sgd"), options_of("lars"));
  RunOptions now = options_of("lars");
  now.optimizer.lars_variant = "larc";
  expect_refused("optimizer.lars_variant", options_of("lars"), now);
  now = options_of("sgd");
  now.optimizer.nesterov = true;
  expect_refused("optimizer.nesterov", options_of("sgd"), now);
  RunOptions before = options_of("sgd");
  before.optimizer.momentum = 0;
  expect_refused("optimizer.momentum was 0", before, options_of("sgd"));
}

TEST(Resume, TakesOtherRatesAndDecaysAndNamesThem) {
  RunOptions now = options_of("sgd");
  now.optimizer.learning_rate = 3e-5;
  now.optimizer.weight_decay = 0;
  now.optimizer.momentum = 0.95;
  now.optimizer.beta1 = 0.5;  // of adamw
  const std::vector<SettingChange> changes = resume(state_of(options_of("sgd")), now);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].key, "optimizer.learning_rate");
  EXPECT_EQ(changes[0].was, "1e-04");
  EXPECT_EQ(changes[0].is, "3e-05");
  EXPECT_EQ(changes[1].key, "optimizer.momentum");
  EXPECT_EQ(changes[2].key, "optimizer.weight_decay");
}

TEST(Resume, NamesEveryOtherKeyThatIsAnotherNow) {
  CheckpointState state;
  state.settings = {{"schedule.epochs", "40"},
                    {"schedule.name", "\"cosine\""},
                    {"optimizer.beta1", "0.9"},
                    {"gone.since", "1"}};
  const std::vector<SettingChange> changes = other_changes(state, {{"schedule.epochs", "80"},
                                                                   {"schedule.name", "\"cosine\""},
                                                                   {"optimizer.beta1", "0.5"},
                                                                   {"new.key", "1"}});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].key, "schedule.epochs");
  EXPECT_EQ(changes[0].was, "40");
  EXPECT_EQ(changes[0].is, "80");
}

TEST(Resume, TakesCheckpointsThatKnowTheOptimizersNameAlone) {
  CheckpointState state = state_of(options_of("sgd"));
  state.optimizer_settings.clear();
  RunOptions now = options_of("sgd");
  now.optimizer.nesterov = true;
  EXPECT_TRUE(resume(state, now).empty());
  const std::string model = "\"backbone.bn\":\"local\"";
  state.model.replace(state.model.find(model), model.size(), "\"backbone.freeze_bn\":false");
  EXPECT_TRUE(resume(state, now).empty());
}

TEST(Resume, RefusesAnotherSeedBatchModelOrPack) {
  const CheckpointState state = state_of(options_of("sgd"));
  RunOptions now = options_of("sgd");
  now.seed = 7;
  EXPECT_THROW(resume(state, now), UsageError);
  now = options_of("sgd");
  now.batch.global = 64;
  EXPECT_THROW(resume(state, now), UsageError);
  now = options_of("sgd");
  now.model.backbone.bn = "sync";
  EXPECT_THROW(resume(state, now), UsageError);
  EXPECT_THROW(require_same_run(state, options_of("sgd"), "another pack", "here"), UsageError);
}

}  // namespace
}  // namespace catamaran
