#include "trainer/crash_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace catamaran {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json life(int64_t first_step, const std::string& config = "sha") {
  return {{"first_step", first_step}, {"config_sha256", config}};
}

// As note_failure_before leaves it.
json failed_life(int64_t first_step, const std::string& kind = "data") {
  json failed = life(first_step);
  failed["failure"] = {{"cause", "rank 1 failed: " + kind}, {"kind", kind}, {"step", 8}};
  return failed;
}

json failure(const std::string& kind) {
  return {{"cause", "rank 1 failed: the shard is gone"},
          {"ranks",
           {{{"rank", 0}, {"state", "ended by the launcher"}, {"step", 7}},
            {{"rank", 1},
             {"state", "failed"},
             {"error_of_communication", false},
             {"error_kind", kind},
             {"step", 8}}}}};
}

StartOfRun start(int64_t most = 3) {
  return {.first_step = 6, .config_sha256 = "sha", .most_without_progress = most};
}

TEST(CrashLoop, RefusesTheStartAfterThreeThatGotNoFurther) {
  json lives = {life(0), failed_life(6), failed_life(6)};
  EXPECT_FALSE(refusal_of_start(lives, start()));
  lives.push_back(life(6));
  note_failure(lives, failure("data"));
  EXPECT_EQ(lives.back()["failure"]["step"], 8);
  const std::optional<Error> refusal = refusal_of_start(lives, start());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind(), ErrorKind::kData);
  EXPECT_THAT(refusal->what(), HasSubstr("3 starts in a row ended without a new checkpoint after "
                                         "step 6, the last in step 8: rank 1 failed: the shard is "
                                         "gone; before that in step 8: rank 1 failed: data"));
  EXPECT_THAT(refusal->what(), HasSubstr("checkpoint.most_starts_without_progress"));
  EXPECT_FALSE(refusal_of_start(lives, start(4)));
  EXPECT_FALSE(refusal_of_start(lives, start(0)));
}

// A cluster that kills jobs with no fault of theirs is no crash loop so soon.
TEST(CrashLoop, TakesThreeTimesAsManyStartsThatWereKilledWithoutAWord) {
  json lives(8, life(6));
  EXPECT_FALSE(refusal_of_start(lives, start()));
  lives.push_back(life(6));
  const std::optional<Error> refusal = refusal_of_start(lives, start());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind(), ErrorKind::kCommunication) << "a rank was lost";
  EXPECT_THAT(refusal->what(), HasSubstr("9 starts in a row ended without a new checkpoint after "
                                         "step 6, the last killed, or lost without a word; mend"));
  EXPECT_FALSE(refusal_of_start(lives, start(4)));
  EXPECT_FALSE(refusal_of_start(lives, start(INT64_MAX)));
  EXPECT_FALSE(refusal_of_start(lives, start(0)));
}

TEST(CrashLoop, CountsFailuresWhateverKilledStartsAreBetweenThem) {
  json lives = {failed_life(6, "numerics"), life(6), failed_life(6), life(6)};
  EXPECT_FALSE(refusal_of_start(lives, start()));
  lives.push_back(failed_life(6));
  lives.push_back(life(6));
  const std::optional<Error> refusal = refusal_of_start(lives, start());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind(), ErrorKind::kData) << "of the newest that said why";
  EXPECT_THAT(refusal->what(), HasSubstr("6 starts in a row ended without a new checkpoint after "
                                         "step 6, 3 of them with an error, the last killed, or "
                                         "lost without a word; before that in step 8: rank 1"));
}

TEST(CrashLoop, CountsAFailureAmongThoseThatWereKilled) {
  json lives(8, life(6));
  lives.push_back(failed_life(6, "weights"));
  const std::optional<Error> refusal = refusal_of_start(lives, start());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind(), ErrorKind::kWeights);
  EXPECT_THAT(refusal->what(), HasSubstr("9 starts in a row"));
}

TEST(CrashLoop, BeginsAnewWithACleanEndWithProgressAndWithAnotherConfiguration) {
  const json failed = failed_life(6);
  ASSERT_TRUE(refusal_of_start({failed, failed, failed}, start()));
  json ended = life(6);
  ended["ended"] = {{"reason", "signal"}};
  EXPECT_FALSE(refusal_of_start({failed, ended, failed, failed}, start()));
  EXPECT_FALSE(refusal_of_start({failed, failed_life(3), failed, failed}, start()));
  EXPECT_FALSE(refusal_of_start({failed, life(6, "other"), failed, failed}, start()));
}

TEST(CrashLoop, TakesAnyFileThatSomebodyEdited) {
  for (json lives : {json(), json(7), json::array({1, "a", json::object()})}) {
    note_failure(lives, json("text"));
    EXPECT_FALSE(refusal_of_start(lives, start()));
  }
}

TEST(CrashLoop, NotesAFailureOnceAndNoneOfALifeThatEnded) {
  json lives = json::array({life(6)});
  note_failure(lives, failure("numerics"));
  note_failure(lives, failure("data"));
  EXPECT_EQ(lives.back()["failure"]["kind"], "numerics");
  json ended = life(6);
  ended["ended"] = {{"reason", "done"}};
  lives = json::array({ended});
  note_failure(lives, failure("data"));
  EXPECT_FALSE(lives.back().contains("failure"));
}

json life_of(const std::string& id) {
  json made = life(6);
  made["id"] = id;
  return made;
}

json failure_of(const std::string& id) {
  json made = failure("data");
  made["start"] = id;
  made["time"] = "2026-11-25 02:49 UTC";
  return made;
}

TEST(CrashLoop, NotesAFailureWithTheStartThatItIsOfAndWithNoOther) {
  json lives = {life_of("a"), life_of("b")};  // b ended before it could write down a word
  EXPECT_EQ(failure_before(lives, failure_of("a")),
            "an earlier start failed (2026-11-25 02:49 UTC): rank 1 failed: the shard is gone");
  note_failure(lives, failure_of("a"));
  EXPECT_EQ(lives[0]["failure"]["step"], 8);
  EXPECT_FALSE(lives[1].contains("failure"));
  note_failure(lives, failure_of("c"));
  note_failure(lives, failure("data"));  // of an older program
  EXPECT_FALSE(lives[1].contains("failure"));
  EXPECT_EQ(failure_before(lives, failure_of("b")),
            "the start before this one failed: rank 1 failed: the shard is gone");
  note_failure(lives, failure_of("b"));
  EXPECT_TRUE(lives[1].contains("failure"));
}

TEST(CrashLoop, TellsNoFailureWhereNoneWasLeft) {
  EXPECT_EQ(failure_before(json::array({life_of("a")}), json()), "");
  EXPECT_EQ(failure_before(json::array(), failure("data")),
            "an earlier start failed: rank 1 failed: the shard is gone");
  EXPECT_EQ(failure_before(json::array({life(6)}), failure("data")),
            "the start before this one failed: rank 1 failed: the shard is gone")
      << "neither has a start's name: files of an older program";
}

}  // namespace
}  // namespace catamaran
