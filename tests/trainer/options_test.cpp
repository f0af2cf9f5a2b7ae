#include "trainer/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();

RunOptions valid() {
  RunOptions options;
  options.data.train = "pack";
  return options;
}

TEST(Problems, AreNoneForTheDefaults) { EXPECT_THAT(problems(valid()), IsEmpty()); }

// Numbers that TOML can hold and that would overflow, never end, or make every weight infinite.
TEST(Problems, NameTheKeyOfEveryNumberThatIsNotFiniteOrFarTooLarge) {
  struct Case {
    std::string key;
    std::function<void(RunOptions&, double)> set;
  };
  const std::vector<Case> of_doubles = {
      {"optimizer.learning_rate", [](auto& o, double v) { o.optimizer.learning_rate = v; }},
      {"optimizer.backbone_ratio", [](auto& o, double v) { o.optimizer.backbone_ratio = v; }},
      {"optimizer.head_ratio", [](auto& o, double v) { o.optimizer.head_ratio = v; }},
      {"optimizer.layer_decay", [](auto& o, double v) { o.optimizer.layer_decay = v; }},
      {"optimizer.trust_coefficient", [](auto& o, double v) { o.optimizer.trust_coefficient = v; }},
      {"optimizer.weight_decay", [](auto& o, double v) { o.optimizer.weight_decay = v; }},
      {"optimizer.epsilon", [](auto& o, double v) { o.optimizer.epsilon = v; }},
      {"schedule.warmup_epochs",
       [](auto& o, double v) {
         o.schedule.name = "cosine";
         o.schedule.warmup_epochs = v;
       }},
      {"schedule.milestones",
       [](auto& o, double v) {
         o.schedule.milestones = {1, v};
       }},
      {"schedule.gamma", [](auto& o, double v) { o.schedule.gamma = v; }},
      {"schedule.div_factor", [](auto& o, double v) { o.schedule.div_factor = v; }},
      {"schedule.final_div_factor", [](auto& o, double v) { o.schedule.final_div_factor = v; }},
      {"clip.agc_factor", [](auto& o, double v) { o.clip.agc_factor = v; }},
      {"clip.max_norm", [](auto& o, double v) { o.clip.max_norm = v; }},
      {"evaluate.every_epochs", [](auto& o, double v) { o.evaluate.every_epochs = v; }},
      {"checkpoint.every_epochs", [](auto& o, double v) { o.checkpoint.every_epochs = v; }},
      {"checkpoint.timeout_seconds", [](auto& o, double v) { o.checkpoint.timeout_seconds = v; }},
      {"comm.timeout_seconds", [](auto& o, double v) { o.comm.timeout_seconds = v; }},
      {"data.timeout_seconds", [](auto& o, double v) { o.data.timeout_seconds = v; }},
      {"model.input.mean", [](auto& o, double v) { o.model.input.mean[1] = v; }},
      {"model.input.std", [](auto& o, double v) { o.model.input.std[2] = v; }},
      {"model.head.csra_lambda", [](auto& o, double v) { o.model.head.csra_lambda = v; }},
      {"model.head.csra_temperature", [](auto& o, double v) { o.model.head.csra_temperature = v; }},
  };
  for (const auto& [key, set] : of_doubles) {
    for (const double value : {kInfinity, -kInfinity, std::nan("")}) {
      RunOptions options = valid();
      set(options, value);
      EXPECT_THAT(problems(options), ElementsAre(StartsWith(key + ":"))) << value;
    }
  }
  RunOptions often = valid();
  often.evaluate.every_epochs = 1e20;
  EXPECT_THAT(problems(often), ElementsAre(StartsWith("evaluate.every_epochs:")));
}

TEST(Problems, NameTheKeyOfACountThatWouldOverflow) {
  struct Case {
    std::string key;
    std::function<int64_t&(RunOptions&)> value;
  };
  const std::vector<Case> cases = {{"batch.global", [](auto& o) -> auto& {return o.batch.global;
}
}  // namespace
, {"batch.per_device", [](auto& o) -> auto& {return o.batch.per_device;
}  // namespace catamaran
}
, {"schedule.epochs", [](auto& o) -> auto& {return o.schedule.epochs;
}
}
, {"schedule.max_steps", [](auto& o) -> auto& {return o.schedule.max_steps;
}
}
, {"ema.reference_batch", [](auto& o) -> auto& {return o.ema.reference_batch;
}
}
, {"checkpoint.keep_every_epochs", [](auto& o) -> auto& {return o.checkpoint.keep_every_epochs;
}
}
, {"evaluate.batch", [](auto& o) -> auto& {return o.evaluate.batch;
}
}
, {"reducer.bucket_bytes", [](auto& o) -> auto& {return o.reducer.bucket_bytes;
}
}
, {"reducer.first_bucket_bytes", [](auto& o) -> auto& {return o.reducer.first_bucket_bytes;
}
}
, {"model.attention.dim", [](auto& o) -> auto& {return o.model.attention.dim;
}
}
, {"model.attention.heads", [](auto& o) -> auto& {return o.model.attention.heads;
}
}
, {"model.attention.ffn_dim", [](auto& o) -> auto& {return o.model.attention.ffn_dim;
}
}
,
}
;
for (const auto& [key, value] : cases) {
  RunOptions options = valid();
  value(options) = kHuge;
  EXPECT_THAT(problems(options), ElementsAre(StartsWith(key + ":")));
}
}

TEST(Problems, NameOptionsOfAnOptimizerThatIsNotChosenAndSayWhatToDo) {
  struct Case {
    std::string key;
    std::string says;
    std::function<void(OptimizerOptions&)> set;
  };
  const std::vector<Case> cases = {
      {"optimizer.name", "lars", [](auto& o) { o.name = "larz"; }},
      {"optimizer.nesterov", "choose sgd or lars", [](auto& o) { o.nesterov = true; }},
      {"optimizer.nesterov", "0.9 is usual",
       [](auto& o) {
         o.name = "sgd";
         o.nesterov = true;
         o.momentum = 0;
       }},
      {"optimizer.lars_variant", "moco", [](auto& o) { o.lars_variant = "mocov3"; }},
      {"optimizer.trust_coefficient", "0.001", [](auto& o) { o.trust_coefficient = 0; }},
      {"optimizer.trust_cap", "leave it out", [](auto& o) { o.trust_cap = 1; }},
      {"optimizer.trust_cap", "larc",
       [](auto& o) {
         o.name = "lars";
         o.trust_cap = 1;
       }},
      {"optimizer.scaling", "linear", [](auto& o) { o.scaling = "line"; }},
      {"optimizer.base_batch", "found for", [](auto& o) { o.scaling = "sqrt"; }},
      {"optimizer.base_batch", "leave it out", [](auto& o) { o.base_batch = 256; }},
      {"optimizer.weight_decay", "moco",
       [](auto& o) {
         o.name = "lars";
         o.weight_decay = 0;
       }},
      {"optimizer.weight_decay", "adamw",
       [](auto& o) {
         o.name = "lamb";
         o.weight_decay = 0;
       }},
  };
  for (const auto& [key, says, set] : cases) {
    RunOptions options = valid();
    set(options.optimizer);
    EXPECT_THAT(problems(options), ElementsAre(AllOf(StartsWith(key + ":"), HasSubstr(says))));
  }
  RunOptions fits = valid();
  fits.optimizer = {.name = "lars", .weight_decay = 0, .nesterov = true, .lars_variant = "moco"};
  EXPECT_THAT(problems(fits), IsEmpty());
}

TEST(Problems, NameWarmUpGivenTwiceAndABoundOfTheOtherWayToClip) {
  RunOptions options = valid();
  options.schedule.name = "cosine";
  options.schedule.warmup_images = 5000;
  EXPECT_THAT(problems(options), IsEmpty());
  options.schedule.warmup_epochs = 1;
  options.clip.mode = "agc";
  options.clip.max_norm = 1;
  EXPECT_THAT(problems(options),
              ElementsAre(StartsWith("schedule.warmup_images:"),
                          AllOf(StartsWith("clip.max_norm:"), HasSubstr("clip.agc_factor"))));
}

TEST(Problems, NameImagesOfAScheduleThatNoNumberOfStepsMakes) {
  RunOptions options = valid();
  options.schedule.images = 64 * options.batch.global;
  EXPECT_THAT(problems(options), IsEmpty());
  options.schedule.images += 1;  // of batches of 32
  EXPECT_THAT(problems(options),
              ElementsAre(AllOf(StartsWith("schedule.images:"), HasSubstr("2048 or 2080"))));
  options.schedule.images = 31;
  EXPECT_THAT(problems(options),
              ElementsAre(AllOf(StartsWith("schedule.images:"), HasSubstr("set it to 32"))));
  options.schedule.images = kHuge;
  EXPECT_THAT(problems(options), ElementsAre(StartsWith("schedule.images:")));
  options.schedule = {.name = "cosine", .images = 3200, .warmup_images = 3201};
  EXPECT_THAT(problems(options), ElementsAre(StartsWith("schedule.warmup_images:")));
}

TEST(Problems, NameWhatMakesNoSpikeDetector) {
  RunOptions options = valid();
  options.numerics.on_spike = "ignore";
  options.numerics.spike_factor = 1;
  options.numerics.spike_window = 19;
  EXPECT_THAT(
      problems(options),
      ElementsAre(AllOf(StartsWith("numerics.on_spike:"), HasSubstr("rollback")),
                  StartsWith("numerics.spike_factor:"), StartsWith("numerics.spike_window:")));
  options = valid();
  options.numerics.spike_factor = kInfinity;
  options.numerics.spike_window = kHuge;
  EXPECT_THAT(problems(options), ElementsAre(StartsWith("numerics.spike_factor:"),
                                             StartsWith("numerics.spike_window:")));
}

TEST(Problems, NameARollbackWithoutCheckpointsOnTheWay) {
  RunOptions options = valid();
  options.numerics.on_spike = "rollback";
  EXPECT_THAT(problems(options), IsEmpty());
  options.checkpoint.every_epochs = 0;
  EXPECT_THAT(problems(options), ElementsAre(AllOf(StartsWith("numerics.on_spike:"),
                                                   HasSubstr("checkpoint.every_steps"))));
  options.checkpoint.every_steps = 100;
  EXPECT_THAT(problems(options), IsEmpty());
}

TEST(RunOptions, ScaleTheLearningRateWithTheBatchOnlyWhenAsked) {
  RunOptions options = valid();
  options.optimizer.learning_rate = 0.1;
  options.batch.global = 1024;
  EXPECT_EQ(options.learning_rate(), 0.1);
  options.optimizer.base_batch = 256;
  options.optimizer.scaling = "linear";
  EXPECT_DOUBLE_EQ(options.learning_rate(), 0.4);
  options.optimizer.scaling = "sqrt";
  EXPECT_DOUBLE_EQ(options.learning_rate(), 0.2);
}

}  // namespace
}  // namespace catamaran
