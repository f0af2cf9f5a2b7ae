#include "trainer/run_history.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace catamaran {
namespace {

using nlohmann::json;

json life(double started, int64_t first_step, int64_t repeated = 0) {
  json entry = {{"started_unix_seconds", started}, {"first_step", first_step}};
  if (repeated > 0) entry["repeated_steps"] = repeated;
  return entry;
}

TEST(RunHistory, OfAFirstStartIsEmpty) {
  const RunHistory none = history_of(json::array(), 0);
  EXPECT_EQ(none.restarts, 0);
  EXPECT_EQ(none.restarts_without_progress, 0);
  EXPECT_EQ(none.lost_steps, 0);
  EXPECT_EQ(none.first_start_unix_seconds, 0);
}

TEST(RunHistory, CountsStartsStepsThatWereDoneAgainAndTheTimeOfTheFirst) {
  const json lives = json::array({life(1000, 0), life(2000, 40, 5), life(3000, 80, 7)});
  const RunHistory history = history_of(lives, 120);
  EXPECT_EQ(history.restarts, 3);
  EXPECT_EQ(history.restarts_without_progress, 0);
  EXPECT_EQ(history.lost_steps, 12);
  EXPECT_EQ(history.first_start_unix_seconds, 1000);
}

TEST(RunHistory, CountsTheNewestStartsThatBeganWhereThisOneBegins) {
  const json lives = json::array({life(1, 0), life(2, 40), life(3, 0), life(4, 40), life(5, 40)});
  EXPECT_EQ(history_of(lives, 40).restarts_without_progress, 2);
  EXPECT_EQ(history_of(lives, 0).restarts_without_progress, 0) << "another checkpoint was named";
  EXPECT_EQ(history_of(lives, 41).restarts_without_progress, 0);
  EXPECT_EQ(history_of(json::array({life(1, 0), life(2, 0)}), 0).restarts_without_progress, 2)
      << "no checkpoint has come yet";
}

TEST(RunHistory, DoesNotMindWhatSomebodyEdited) {
  const json lives = json::array({7,
                                  json::object(),
                                  {{"first_step", "forty"}},
                                  {{"started_unix_seconds", json()}, {"repeated_steps", -3}},
                                  {{"repeated_steps", 1e300}},
                                  life(500, 40)});
  const RunHistory history = history_of(lives, 40);
  EXPECT_EQ(history.restarts, 6);
  EXPECT_EQ(history.restarts_without_progress, 1);
  EXPECT_EQ(history.first_start_unix_seconds, 500);
  EXPECT_GE(history.lost_steps, 0);
  EXPECT_EQ(history_of(json(), 0).restarts, 0);
  EXPECT_EQ(history_of(json("lives"), 0).restarts, 0);
}

}  // namespace
}  // namespace catamaran
