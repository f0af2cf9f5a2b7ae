#include "launch/submit_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SubmitChecksTest : public testing::Test {
 protected:
  SubmitChecksTest()
      : folder_(fs::path(testing::TempDir()) / ("submit-checks-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~SubmitChecksTest() override { fs::remove_all(folder_); }

  std::string refusal() const {
    try {
      checks_.require();
      return "accepted";
    } catch (const Error& problem) {
      return problem.what();
    }
  }
  // A run with a checkpoint of a MiB.
  fs::path run() const {
    const fs::path checkpoint = folder_ / "run/checkpoints/step-00000010";
    fs::create_directories(checkpoint);
    std::ofstream(checkpoint / "model.safetensors") << std::string(1 << 20, 'x');
    return folder_ / "run";
  }

  fs::path folder_;
  SubmitChecks checks_;
};

RunStatus running_at(int64_t step) {
  RunStatus status;
  status.step = step;
  status.total_steps = 1000;
  status.global_batch = 32;
  status.images_per_second = 32;  // a step a second
  status.world = 8;
  return status;
}

TEST_F(SubmitChecksTest, ATimeThatIsKnownIsToldAgainstThatOfALife) {
  checks_.time(running_at(400), 8, 300);
  checks_.time(running_at(400), 4, 3600);
  EXPECT_THAT(checks_.notes(),
              ElementsAre(AllOf(HasSubstr("600 of 1000 steps are left, about 10 min as fast as "
                                          "before"),
                                HasSubstr("that takes 2 lives"), Not(HasSubstr("which was on"))),
                          AllOf(HasSubstr("which was on 8 ranks"), Not(HasSubstr("lives")))));
}

TEST_F(SubmitChecksTest, ATimeThatIsNotKnownIsNotTold) {
  checks_.time(RunStatus(), 8, 300);
  EXPECT_THAT(checks_.notes(), IsEmpty());
  RunStatus done;
  done.phase = RunPhase::kDone;
  checks_.time(done, 8, 300);
  EXPECT_THAT(checks_.notes(), ElementsAre(HasSubstr("all steps of this run are done")));
}

TEST_F(SubmitChecksTest, RoomIsForWhatIsKeptAndTwoMore) {
  RunOptions options;
  options.checkpoint.keep = 3;
  checks_.room(options, {run()});
  EXPECT_EQ(refusal(), "accepted");
  options.checkpoint.keep = 1'000'000'000'000;
  checks_.room(options, {run()});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("1000000000002 checkpoints of 0.0 GiB take"),
                               HasSubstr("checkpoint.keep")));
}

TEST_F(SubmitChecksTest, RoomIsForEveryRunOfASweep) {
  RunOptions options;
  options.checkpoint.keep = 1'000'000'000'000;
  checks_.room(options, {run(), folder_ / "other"});
  EXPECT_THAT(refusal(), HasSubstr("for each of 2 runs"));
}

TEST_F(SubmitChecksTest, ABatchThatDoesNotDivideNamesTheNearest) {
  RunOptions options;
  options.batch.global = 30;
  options.batch.per_device = 32;
  checks_.batch(options, 15);
  EXPECT_EQ(refusal(), "accepted");
  checks_.batch(options, 4);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("does not divide among 4 ranks"), HasSubstr("28 or 32")));
}

TEST_F(SubmitChecksTest, AllFindingsAreOneErrorOfTheKindOfTheFirst) {
  RunOptions options;
  options.weights.init = (folder_ / "none").string();
  checks_.weights(options);
  checks_.pack(folder_ / "no-pack");
  try {
    checks_.require();
    FAIL();
  } catch (const Error& problem) {
    EXPECT_EQ(problem.kind(), ErrorKind::kWeights);
    EXPECT_THAT(problem.what(),
                AllOf(HasSubstr("2 mistakes:"), HasSubstr("weights.init"), HasSubstr("pack.json")));
  }
}

TEST(TimeText, IsInTheUnitThatPeopleTakeForIt) {
  EXPECT_EQ(time_text(42), "42 s");
  EXPECT_EQ(time_text(600), "10 min");
  EXPECT_EQ(time_text(2 * 3600), "2.0 h");
  EXPECT_EQ(time_text(100 * 3600), "4.2 days");
}

}  // namespace
}  // namespace catamaran
