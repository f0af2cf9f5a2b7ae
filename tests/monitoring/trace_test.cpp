#include "monitoring/trace.h"

#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "support/error.h"
#include "support/json.h"
#include "temporary_directory.h"

namespace catamaran {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const TraceRecorder& trace) {
  std::vector<std::string> found;
  for (const TraceEvent& event : trace.events()) found.emplace_back(event.name);
  return found;
}

void make_step(TraceRecorder& trace, int64_t step) {
  trace.begin_step(step);
  trace.lap("forward");
  trace.lap("backward");
  trace.end_step();
}

TEST(TraceRecorder, RecordsNothingWhereNobodyAskedForIt) {
  TraceRecorder none;
  TraceRecorder off({.enabled = false, .first_step = 1, .steps = 9});
  for (TraceRecorder* trace : {&none, &off}) {
    make_step(*trace, 1);
    { const TraceSpan span(*trace, "evaluation"); }
    trace->add(TraceLane::kExchange, "all-reduce", 1, 2);
    EXPECT_FALSE(trace->recording());
    EXPECT_TRUE(trace->events().empty());
    EXPECT_EQ(trace->dropped(), 0);
  }
}

TEST(TraceRecorder, RecordsTheStepsAskedForAndWhatComesBetweenThem) {
  TraceRecorder trace({.enabled = true, .first_step = 2, .steps = 2});
  for (int64_t step = 1; step <= 5; ++step) {
    make_step(trace, step);
    const TraceSpan span(trace, "evaluation");
  }
  EXPECT_THAT(names(trace), ElementsAre("step", "forward", "backward", "evaluation", "step",
                                        "forward", "backward", "evaluation"));
  EXPECT_EQ(trace.events()[0].argument.value, 2);
  EXPECT_EQ(trace.events()[4].argument.value, 3);
}

TEST(TraceRecorder, LapsFollowEachOtherInsideTheirStep) {
  TraceRecorder trace({.enabled = true, .first_step = 1, .steps = 1});
  trace.begin_step(1);
  trace.lap("data wait", 1e-9);
  trace.lap("forward");
  trace.end_step();
  const std::vector<TraceEvent> events = trace.events();
  ASSERT_THAT(names(trace), ElementsAre("step", "data wait", "forward"));
  EXPECT_EQ(events[1].start_seconds, events[0].start_seconds);
  EXPECT_EQ(events[2].start_seconds, events[1].end_seconds);
  EXPECT_LE(events[2].end_seconds, events[0].end_seconds);
}

TEST(TraceRecorder, KeepsNoMoreThanItsBound) {
  TraceRecorder trace({.enabled = true, .first_step = 1, .steps = 1}, /*most_events=*/3);
  trace.begin_step(1);
  for (int i = 0; i < 5; ++i) trace.add(loader_lane(0), "image", i, i + 1);
  EXPECT_EQ(trace.events().size(), 3U);
  EXPECT_EQ(trace.dropped(), 2);
}

TEST(TraceRecorder, TakesEventsOfManyThreads) {
  TraceRecorder trace({.enabled = true, .first_step = 1, .steps = 1});
  trace.begin_step(1);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&trace, thread] {
        for (int i = 0; i < 500; ++i) trace.add(loader_lane(thread), "image", i, i + 0.5);
      });
    }
  }
  EXPECT_EQ(trace.events().size(), 2000U);
}

TEST(TraceOptions, NameTheKeyThatIsWrong) {
  const TraceOptions wrong{.enabled = true, .first_step = 0, .steps = 0};
  const std::vector<std::string> problems = wrong.problems();
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0], HasSubstr("trace.first_step"));
  EXPECT_THAT(problems[1], HasSubstr("trace.steps"));
  EXPECT_TRUE(TraceOptions().problems().empty());
}

TEST(TraceFile, HoldsNamesAndTimesOnTheMergedClock) {
  const TemporaryDirectory folder;
  const std::vector<TraceEvent> events = {
      {TraceLane::kStep, "step", 105.0, 105.5, {.name = "step", .value = 7}},
      {TraceLane::kExchange, "all-reduce", 105.25, 105.375, {.name = "bytes", .value = 1 << 20}},
      {loader_lane(3), "image", 105.0, 105.001, {}}};
  write_trace(folder.path() / "rank.json", events,
              {.rank = 2, .host = "a\"b", .offset_seconds = 5, .origin_seconds = 99});
  const nlohmann::json root = read_json_file(folder.path() / "rank.json", ErrorKind::kUsage);
  ASSERT_TRUE(root.is_array());
  std::map<int, std::string> lanes;
  std::vector<nlohmann::json> complete;
  for (const nlohmann::json& event : root) {
    EXPECT_EQ(event.at("pid"), 2);
    if (event.at("name") == "process_name") {
      EXPECT_EQ(event.at("args").at("name"), "rank 2 on a\"b");
    }
    if (event.at("name") == "thread_name")
      lanes[event.at("tid")] = event.at("args").at("name").get<std::string>();
    if (event.at("ph") == "X") complete.push_back(event);
  }
  EXPECT_EQ(lanes, (std::map<int, std::string>{
                       {0, "step loop"}, {1, "gradient exchange"}, {13, "loader 3"}}));
  ASSERT_EQ(complete.size(), 3U);
  EXPECT_NEAR(complete[0].at("ts"), 1e6, 0.01);
  EXPECT_NEAR(complete[0].at("dur"), 5e5, 0.01);
  EXPECT_EQ(complete[0].at("args").at("step"), 7);
  EXPECT_NEAR(complete[1].at("ts"), 1.25e6, 0.01);
  EXPECT_EQ(complete[1].at("args").at("bytes"), 1 << 20);
}

TEST(TraceFile, MergesWhatTheRanksWrote) {
  const TemporaryDirectory folder;
  std::vector<std::filesystem::path> parts;
  for (int rank = 0; rank < 3; ++rank) {
    parts.push_back(folder.path() / ("rank" + std::to_string(rank)));
    write_trace(parts.back(), {{TraceLane::kStep, "step", 1, 2, {}}}, {.rank = rank, .host = "h"});
  }
  merge_traces(folder.path() / "trace.json", parts);
  const nlohmann::json root = read_json_file(folder.path() / "trace.json", ErrorKind::kUsage);
  std::vector<int> ranks;
  for (const nlohmann::json& event : root) {
    if (event.at("ph") == "X") ranks.push_back(event.at("pid"));
  }
  EXPECT_THAT(ranks, ElementsAre(0, 1, 2));
}

TEST(TraceFile, MakesNoFolderWhereItsOwnWas) {
  const TemporaryDirectory folder;
  const std::filesystem::path gone = folder.path() / "run";
  EXPECT_THROW(write_trace(gone / "rank-00000.json", {}, {}), Error);
  EXPECT_THROW(merge_traces(gone / "trace.json", {}), Error);
  EXPECT_FALSE(std::filesystem::exists(gone));
}

TEST(TraceFile, SaysWhichRanksFileIsMissing) {
  const TemporaryDirectory folder;
  try {
    merge_traces(folder.path() / "trace.json", {folder.path() / "rank-00001.json"});
    FAIL() << "a missing file was merged";
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("rank-00001.json"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "trace.json"));
}

TEST(TraceRecorder, TellsWhereTheStepLoopIsWhetherItRecordsOrNot) {
  TraceRecorder trace;
  EXPECT_EQ(trace.place().step, 0);
  trace.begin_step(7);
  trace.lap("forward");
  const TracePlace place = trace.place();
  EXPECT_EQ(place.step, 7);
  EXPECT_STREQ(place.after, "forward");
  EXPECT_EQ(place.inside, nullptr);
  {
    const TraceSpan span(trace, "evaluation");
    EXPECT_STREQ(trace.place().inside, "evaluation");
    EXPECT_GT(trace.place().moves, place.moves);
  }
  EXPECT_EQ(trace.place().inside, nullptr);
  EXPECT_TRUE(trace.events().empty());
}

TEST(TraceRecorder, CountsAsAMoveWhatLeavesItsPlaceAsItIs) {
  TraceRecorder trace;
  trace.begin_step(7);
  const TraceSpan span(trace, "checkpoint stall");
  const TracePlace place = trace.place();
  trace.moved();
  EXPECT_EQ(trace.place().moves, place.moves + 1);
  EXPECT_EQ(place_text(trace.place()), place_text(place));
}

TEST(TraceRecorder, HasWordsForEachPlace) {
  TraceRecorder trace;
  EXPECT_EQ(place_text(trace.place()), "before the first step");
  trace.begin_step(1);
  trace.lap("forward");
  EXPECT_EQ(place_text(trace.place()), "after forward");
  const TraceSpan span(trace, "evaluation");
  EXPECT_EQ(place_text(trace.place()), "in evaluation");
}

}  // namespace
}  // namespace catamaran
