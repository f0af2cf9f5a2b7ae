#include "comm/rank_mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mpi_test_environment.h"
#include "support/clock.h"

namespace catamaran {
namespace {

int rank() { return test_group()->rank(); }
int world() { return test_group()->world(); }

// Of each rank another length, from nothing to more than MPI sends at once.
std::string letter_of(int of_rank) {
  return std::string(static_cast<size_t>(of_rank) * 300'000, static_cast<char>('a' + of_rank));
}

TEST(HostsOfRanks, AreKnownToAll) {
  const std::vector<std::string> hosts =
      hosts_of_ranks("host" + std::to_string(rank()), world(), 30);
  ASSERT_EQ(static_cast<int>(hosts.size()), world());
  for (int r = 0; r < world(); ++r)
    EXPECT_EQ(hosts[static_cast<size_t>(r)], "host" + std::to_string(r));
}

TEST(RankMail, BringsEachRanksTextToRankZeroAndItsAnswerToAll) {
  RankMail mail(rank(), world());
  for (int round = 0; round < 3; ++round) {
    const auto decide = [&](const RankTexts& by_rank) {
      EXPECT_EQ(rank(), 0);
      EXPECT_EQ(static_cast<int>(by_rank.size()), world());
      for (int r = 0; r < world(); ++r)
        EXPECT_EQ(by_rank[static_cast<size_t>(r)], letter_of(r)) << r;
      return std::string(500'000, static_cast<char>('0' + round));
    };
    const auto answer = mail.round(letter_of(rank()), decide, 30);
    ASSERT_TRUE(answer);
    EXPECT_EQ(*answer, std::string(500'000, static_cast<char>('0' + round)));
  }
}

TEST(RankMail, NamesTheSilentAndAnswersTheOthersAndWaitsForNobodyItGaveUp) {
  if (world() == 1) return;
  const int silent = world() - 1;
  RankMail mail(rank(), world());
  test_group()->barrier();
  if (rank() != silent) {
    const Stopwatch watch;
    const auto decide = [&](const RankTexts& by_rank) {
      for (int r = 0; r < world(); ++r)
        EXPECT_EQ(by_rank[static_cast<size_t>(r)].has_value(), r != silent) << r;
      mail.give_up(silent);
      return std::string("without one");
    };
    EXPECT_EQ(mail.round("here", decide, 2), "without one");
    EXPECT_GE(watch.seconds(), rank() == 0 ? 2 : 0);
    const Stopwatch second;
    EXPECT_EQ(mail.round("here", decide, 20), "without one");
    EXPECT_LT(second.seconds(), 15);
  }
  test_group()->barrier();
}

TEST(RankMail, ALetterOrAnAnswerThatComesLateIsNotTakenForOneOfTheNextRound) {
  if (world() == 1) return;
  const auto all_say = [](const RankTexts& by_rank, const std::string& text) {
    for (size_t r = 1; r < by_rank.size(); ++r) EXPECT_EQ(by_rank[r], text) << r;
  };
  RankMail mail(rank(), world());
  if (rank() > 0) {
    EXPECT_EQ(mail.round("early", nullptr, 0.1), std::nullopt) << "in bounded time";
  }
  test_group()->barrier();
  if (rank() == 0) {
    const auto decide = [&](const RankTexts& by_rank) {
      all_say(by_rank, "early");
      return std::string("too late");
    };
    EXPECT_EQ(mail.round("", decide, 30), "too late");
  }
  test_group()->barrier();
  const auto decide = [&](const RankTexts& by_rank) {
    all_say(by_rank, "now");
    return std::string("in time");
  };
  EXPECT_EQ(mail.round("now", decide, 30), "in time");
}

}  // namespace
}  // namespace catamaran
