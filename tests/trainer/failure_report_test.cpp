// What ranks wrote, or did not, becomes one sentence.
#include "trainer/failure_report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace catamaran {
namespace {

using testing::HasSubstr;
using testing::Not;

RankRecord rank(int number, RankEnd end) {
  RankRecord record;
  record.rank = number;
  record.host = "node" + std::to_string(number / 2);
  record.process = 100 + number;
  record.end = end;
  return record;
}

RankRecord lost_another(int number) {
  RankRecord record = rank(number, RankEnd::kFailed);
  record.error = "no answer from at least one other rank within 5 s";
  record.error_of_communication = true;
  record.step = 7;
  record.place = "after backward";
  record.gradients = {.started = 20, .finished = 17, .oldest = "all-reduce of 64 bytes, number 17"};
  return record;
}

constexpr int64_t kGiB = int64_t{1} << 30;

// As rank 0 heard it: waiting in step 7 with all collectives started, if nothing else is said.
HeardHeartbeat heartbeat(int number, double seconds_ago) {
  Heartbeat beat;
  beat.rank = number;
  beat.sequence = 1;
  beat.step = 7;
  beat.place = "after backward";
  beat.collectives = 20;
  beat.still_seconds = 4;
  beat.resident_bytes = 6 * kGiB;
  beat.limit_bytes = 64 * kGiB;
  return {.newest = beat, .seconds_ago = seconds_ago};
}

// Rank 0, that waits, has heard these, and shares what it heard.
std::vector<RankRecord> heard_by_rank_zero(std::vector<RankRecord> others,
                                           std::vector<HeardHeartbeat> heard) {
  std::vector<RankRecord> ranks = {lost_another(0)};
  ranks.front().listens = true;
  ranks.front().heard = std::move(heard);
  ranks.insert(ranks.end(), others.begin(), others.end());
  share_heartbeats(ranks);
  return ranks;
}

TEST(CauseOf, IsTheRankThatIsGoneAndWhatTheOthersWaitedFor) {
  RankRecord waiting = lost_another(0);
  waiting.end = RankEnd::kEnded;
  waiting.error_of_communication = false;
  const std::string cause = cause_of({waiting, rank(1, RankEnd::kGone)}).sentence;
  EXPECT_THAT(cause, HasSubstr("rank 1 (process 101 on node0): gone"));
  EXPECT_THAT(cause, HasSubstr("rank 0 was in step 7, after backward"));
  EXPECT_THAT(cause, HasSubstr("all-reduce of 64 bytes, number 17"));
}

TEST(CauseOf, IsAnErrorThatIsNoLossOfAnotherRankBeforeAllElse) {
  RankRecord broken = rank(1, RankEnd::kFailed);
  broken.error = "shard-00001.h5: damaged";
  const std::string cause =
      cause_of({lost_another(0), broken, rank(2, RankEnd::kGone), rank(3, RankEnd::kSilent)})
          .sentence;
  EXPECT_EQ(cause, "rank 1 (process 101 on node0) failed: shard-00001.h5: damaged");
}

TEST(CauseOf, TellsStoppedWaitingAndSilentRanksApart) {
  EXPECT_THAT(cause_of({lost_another(0), rank(1, RankEnd::kStopped)}).sentence,
              HasSubstr("SIGSTOP"));
  EXPECT_THAT(cause_of({lost_another(0), rank(1, RankEnd::kStorage)}).sentence,
              HasSubstr("storage"));
  EXPECT_THAT(
      cause_of({lost_another(0), rank(1, RankEnd::kAlive), rank(2, RankEnd::kSilent)}).sentence,
      HasSubstr("no word from rank 2 (process 102 on node1)"));
  EXPECT_THAT(cause_of({lost_another(0), rank(1, RankEnd::kAlive)}).sentence,
              HasSubstr("runs, and did not"));
}

TEST(CauseOf, IsTheRankWithFewerCollectivesWhereAllCouldWrite) {
  RankRecord behind = rank(1, RankEnd::kEnded);
  behind.step = 7;
  behind.place = "after data wait";
  behind.still_seconds = 5.25;
  behind.gradients = {.started = 17, .finished = 17, .oldest = ""};
  const std::string cause = cause_of({lost_another(0), behind}).sentence;
  EXPECT_THAT(cause, HasSubstr("rank 1 (process 101 on node0) is behind"));
  EXPECT_THAT(cause, HasSubstr("17 collectives and others 20"));
  EXPECT_THAT(cause, HasSubstr("in step 7, after data wait, for 5.2 s"));
}

TEST(CauseOf, IsNothingWhereRanksWereAskedToStop) {
  EXPECT_EQ(cause_of({rank(0, RankEnd::kEnded), rank(1, RankEnd::kAlive)}).sentence, "");
}

TEST(CauseOf, WeighsWhatTheKernelSaysMoreThanWhatRanksWroteAndAnErrorMost) {
  const int guess = cause_of({lost_another(0), rank(1, RankEnd::kAlive)}).weight;
  RankRecord behind = rank(1, RankEnd::kEnded);
  const int written = cause_of({lost_another(0), behind}).weight;
  const int kernel = cause_of({lost_another(0), rank(1, RankEnd::kStopped)}).weight;
  RankRecord broken = rank(1, RankEnd::kFailed);
  const int error = cause_of({lost_another(0), broken}).weight;
  EXPECT_LT(0, guess);
  EXPECT_LT(guess, written);
  EXPECT_LT(written, kernel);
  EXPECT_LT(kernel, error);
}

TEST(CauseOf, IsTheRankOnAnotherHostWhoseHeartbeatsStopped) {
  const auto ranks = heard_by_rank_zero({rank(1, RankEnd::kAlive), rank(2, RankEnd::kSilent)},
                                        {heartbeat(1, 0.5), heartbeat(2, 6.25)});
  const FailureCause cause = cause_of(ranks);
  EXPECT_THAT(cause.sentence,
              HasSubstr("no heartbeat for 6.2 s from rank 2 (process 102 on node1)"));
  EXPECT_THAT(cause.sentence, HasSubstr("gone or stopped"));
  EXPECT_THAT(cause.sentence, HasSubstr("last heartbeat came from step 7, after backward"));
  EXPECT_THAT(cause.sentence, Not(HasSubstr("memory")));
  EXPECT_EQ(cause.weight, 2);
}

TEST(CauseOf, IsAHostThatIsGoneAlsoWhereTheLauncherEndedTheRest) {
  auto ranks = heard_by_rank_zero({rank(2, RankEnd::kSilent)}, {heartbeat(2, 60)});
  ranks.front().end = RankEnd::kEnded;
  ranks.front().error_of_communication = false;
  EXPECT_THAT(cause_of(ranks).sentence, HasSubstr("no heartbeat for 60.0 s from rank 2"));
}

TEST(CauseOf, IsTheRankThatStillSendsHeartbeatsAndDoesNotArriveWithItsPlace) {
  for (const RankEnd end : {RankEnd::kSilent, RankEnd::kAlive}) {
    HeardHeartbeat hung = heartbeat(2, 0.5);
    hung.newest.collectives = 17;
    hung.newest.place = "after data wait";
    const auto ranks =
        heard_by_rank_zero({rank(1, RankEnd::kAlive), rank(2, end)}, {heartbeat(1, 0.25), hung});
    const FailureCause cause = cause_of(ranks);
    EXPECT_THAT(cause.sentence, HasSubstr("rank 2 (process 102 on node1) hangs"));
    EXPECT_THAT(cause.sentence, HasSubstr("17 collectives and others 20"));
    EXPECT_THAT(cause.sentence, HasSubstr("in step 7, after data wait, for 4.5 s"));
    EXPECT_EQ(cause.weight, 2);
  }
}

TEST(CauseOf, TakesNoRankForHungThatWorkedAMomentAgo) {
  HeardHeartbeat killed = heartbeat(2, 0.5);  // the others lost it before a heartbeat was missed
  killed.newest.collectives = 17;
  killed.newest.still_seconds = 0.25;
  const FailureCause cause = cause_of(heard_by_rank_zero({rank(2, RankEnd::kSilent)}, {killed}));
  EXPECT_THAT(cause.sentence, Not(HasSubstr("hangs")));
  EXPECT_THAT(cause.sentence,
              HasSubstr("no word from rank 2 (process 102 on node1), whose last heartbeat came 0.5 "
                        "s before"));
  EXPECT_THAT(cause.sentence, HasSubstr("from step 7, after backward"));
  EXPECT_EQ(cause.weight, 1);
}

TEST(CauseOf, SaysThatNoHeartbeatWasEverSeenOfARankThatIsSilent) {
  const auto ranks = heard_by_rank_zero({rank(2, RankEnd::kSilent)}, {});
  EXPECT_THAT(
      cause_of(ranks).sentence,
      HasSubstr("no word from rank 2 (process 102 on node1) (nor was a heartbeat ever seen)"));
  EXPECT_THAT(cause_of({lost_another(0), rank(2, RankEnd::kSilent)}).sentence,
              Not(HasSubstr("heartbeat")));
}

TEST(CauseOf, SaysMemoryOfARankThatIsGoneOnlyWhereItsHostsRanksHeldMostOfIt) {
  HeardHeartbeat gone = heartbeat(1, 1);
  gone.newest.resident_bytes = 40 * kGiB;
  const auto cause_with = [&](int64_t resident_of_rank_0) {
    HeardHeartbeat own = heartbeat(0, 0);
    own.newest.resident_bytes = resident_of_rank_0;
    HeardHeartbeat elsewhere = heartbeat(2, 0);
    elsewhere.newest.resident_bytes = 60 * kGiB;  // of another host's memory
    return cause_of(heard_by_rank_zero({rank(1, RankEnd::kGone), rank(2, RankEnd::kAlive)},
                                       {own, gone, elsewhere}));
  };
  const FailureCause full = cause_with(20 * kGiB);
  EXPECT_THAT(full.sentence, HasSubstr("rank 1 (process 101 on node0): gone"));
  EXPECT_THAT(full.sentence,
              HasSubstr("probably memory: rank 1's resident memory was 40.00 GiB at its last "
                        "heartbeat, and all ranks of its host held 60.00 of 64.00 GiB"));
  const FailureCause roomy = cause_with(kGiB);
  EXPECT_THAT(roomy.sentence, Not(HasSubstr("probably memory")));
  EXPECT_EQ(full.finding(), roomy.finding()) << "what is heard comes behind the finding";
  gone.newest.limit_bytes = 0;
  EXPECT_THAT(cause_with(20 * kGiB).sentence, Not(HasSubstr("probably memory")))
      << "nobody knows how much there is";
}

// Each maps the gradients of all, and its own 20 GiB beside them.
TEST(CauseOf, CountsMemoryThatRanksOfAHostShareOnce) {
  const auto cause_with = [](int64_t own_of_rank_1, const std::vector<int64_t>& shared) {
    std::vector<HeardHeartbeat> heard;
    for (int r = 0; r < 2; ++r) {
      heard.push_back(heartbeat(r, 1));
      Heartbeat& newest = heard.back().newest;
      newest.shared_bytes = shared[static_cast<size_t>(r)];
      newest.resident_bytes = newest.shared_bytes + (r == 1 ? own_of_rank_1 : 20 * kGiB);
    }
    return cause_of(heard_by_rank_zero({rank(1, RankEnd::kGone)}, heard)).sentence;
  };
  EXPECT_THAT(cause_with(20 * kGiB, {8 * kGiB, 6 * kGiB}), Not(HasSubstr("probably memory")))
      << "48 of 64 GiB, and not 54";
  EXPECT_THAT(cause_with(24 * kGiB, {8 * kGiB, 6 * kGiB}),
              HasSubstr("rank 1's resident memory was 30.00 GiB at its last heartbeat, and all "
                        "ranks of its host held 52.00 of 64.00 GiB"));
}

TEST(FailureJson, HasWhatRankZeroHeardOfEachRank) {
  HeardHeartbeat gone = heartbeat(1, 1.5);
  gone.newest.shared_bytes = kGiB;
  const auto ranks =
      heard_by_rank_zero({rank(1, RankEnd::kGone), rank(2, RankEnd::kSilent)}, {gone});
  const nlohmann::json root = failure_json(ranks, {"because", 3});
  EXPECT_EQ(root["ranks"][1]["heartbeat"]["seconds_ago"], 1.5);
  EXPECT_EQ(root["ranks"][1]["heartbeat"]["place"], "after backward");
  EXPECT_EQ(root["ranks"][1]["heartbeat"]["resident_bytes"], 6 * kGiB);
  EXPECT_EQ(root["ranks"][1]["heartbeat"]["shared_bytes"], kGiB);
  EXPECT_TRUE(root["ranks"][2]["heartbeat"].is_null());
  EXPECT_FALSE(root["ranks"][0].contains("heard"));
}

// Of a thousand ranks with their threads it would be more than the next start reads.
TEST(FailureJson, LeavesThreadsToTheRanksOwnFiles) {
  RankRecord record = lost_another(0);
  record.stacks = {{.id = 5, .name = "exchange", .frames = {"a", "b"}}};
  EXPECT_TRUE(record_json(record).contains("threads"));
  EXPECT_FALSE(failure_json({record}, {"because", 3})["ranks"][0].contains("threads"));
}

TEST(RankRecord, IsReadBackAsItWasWritten) {
  RankRecord record = lost_another(3);
  record.listens = true;
  record.heard = {heartbeat(1, 0.5), heartbeat(2, 4)};
  record.heard[1].newest.shared_bytes = kGiB;
  record.stacks = {{.id = 5, .name = "exchange", .frames = {"a", "b"}}};
  const RankRecord read = record_from_json(record_json(record), "rank-00003.json");
  EXPECT_EQ(record_json(read), record_json(record));
  EXPECT_EQ(read.stacks.front().frames.size(), 2U);
  ASSERT_EQ(read.heard.size(), 2U);
  EXPECT_EQ(read.heard[1].newest.rank, 2);
  EXPECT_EQ(read.heard[1].seconds_ago, 4);
  EXPECT_EQ(read.heard[1].newest.shared_bytes, kGiB);
  EXPECT_THROW((void)record_from_json({{"rank", 1}}, "rank-00001.json"), Error);
}

// What a batch script hands to its scheduler; the other ranks only lost the one with the GPU.
TEST(CauseOf, IsABrokenGpuBeforeTheRanksThatLostItAndItsHostIsToBeLeftOut) {
  RankRecord broken = rank(2, RankEnd::kFailed);
  broken.error = "uncorrectable ECC error encountered";
  broken.fault = FaultClass::kBadNode;
  broken.bad_hosts = {"node1"};
  const FailureCause cause = cause_of({lost_another(0), rank(1, RankEnd::kGone), broken});
  EXPECT_THAT(cause.sentence, HasSubstr("rank 2 (process 102 on node1) failed: uncorrectable"));
  const nlohmann::json root = failure_json({broken}, cause);
  EXPECT_EQ(root["kind"], "bad node");
  EXPECT_EQ(root["exclude_hosts"], std::vector<std::string>{"node1"});
  EXPECT_EQ(cause_from_json(root, "failure.json").bad_hosts, cause.bad_hosts);
  EXPECT_EQ(record_from_json(record_json(broken), "rank-00002.json").fault, FaultClass::kBadNode);
}

TEST(CauseOf, NamesBothOperationsOfRanksThatWaitForDifferentOnes) {
  RankRecord other = lost_another(1);
  other.gradients.oldest = "";
  other.sums = {.started = 8, .finished = 7, .oldest = "all-reduce of 96 bytes, number 7"};
  const std::string cause = cause_of({lost_another(0), other}).sentence;
  EXPECT_THAT(cause, HasSubstr("rank 0 for gradients, all-reduce of 64 bytes, number 17"));
  EXPECT_THAT(cause, HasSubstr("rank 1 for a sum for the step, all-reduce of 96 bytes, number 7"));
}

TEST(FailureJson, KnowsOfNoBadNodeWhereNoneIs) {
  const nlohmann::json root = failure_json({lost_another(0)}, {"because", 3});
  EXPECT_EQ(root["kind"], "unknown");
  EXPECT_TRUE(root["exclude_hosts"].empty());
  nlohmann::json older = root;
  older.erase("kind");
  older.erase("exclude_hosts");
  EXPECT_EQ(cause_from_json(older, "failure.json").fault, FaultClass::kUnknown);
}

TEST(FailureJson, HoldsCauseAndEveryRank) {
  const nlohmann::json root =
      failure_json({lost_another(0), rank(1, RankEnd::kGone)}, {"because", 3});
  EXPECT_EQ(root["cause"], "because");
  EXPECT_EQ(cause_from_json(root, "failure.json").weight, 3);
  ASSERT_EQ(root["ranks"].size(), 2U);
  EXPECT_EQ(root["ranks"][1]["state"], "gone");
  EXPECT_FALSE(root["ranks"][1].contains("step"));  // it could not say
}

}  // namespace
}  // namespace catamaran
