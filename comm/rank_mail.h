// RankMail: rank 0 asks all ranks and answers them, and knows who is silent, where a collective
// would only wait.
//
//   RankMail mail(rank, world);
//   const std::optional<std::string> answer = mail.round(mine, [](const RankTexts& by_rank) {
//     return by_rank[3] ? "go on" : "stop";             // on rank 0; nullopt: rank 3 is silent
//   }, /*seconds=*/20);
//
// All ranks call round() together, in the same order; `decide` runs on rank 0 alone, with every
// rank's text as far as it came in time, its own among them, and what it returns is the answer on
// every rank that was heard. A rank that gets no answer within three times the seconds has nullopt.
// A letter that comes after its round is over is not taken for one of the next. Point-to-point
// messages over MPI_COMM_WORLD; alone, or without MPI, rank 0 talks to itself. Errors: CommError
// where MPI itself fails. Only the thread that runs the step loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace catamaran {

using RankTexts = std::vector<std::optional<std::string>>;  // by rank

// The host of every rank, on every rank: all call it together, once. Empty where not all have
// within the seconds.
std::vector<std::string> hosts_of_ranks(const std::string& mine, int world, double seconds);

class RankMail {
 public:
  using Decide = std::function<std::string(const RankTexts& by_rank)>;

  RankMail(int rank, int world);
  RankMail(const RankMail&) = delete;
  RankMail& operator=(const RankMail&) = delete;
  ~RankMail();

  std::optional<std::string> round(const std::string& mine, const Decide& decide, double seconds);
  // On rank 0: no later round waits for this rank.
  void give_up(int rank) { given_up_.insert(rank); }

 private:
  struct Letter;
  using Letters = std::vector<std::unique_ptr<Letter>>;

  RankTexts collect(const std::string& mine, double seconds);
  std::unique_ptr<Letter> send(const std::string& text, int to, int tag);
  std::unique_ptr<Letter> take(int from, int tag);
  bool is_done(Letter& letter) const;
  void wait_for(Letters& letters, double seconds) const;
  void leave(Letters letters);

  int rank_;
  int world_;
  int rounds_ = 0;
  std::set<int> given_up_;
  Letters unfinished_;  // MPI may still read or write them
};

}  // namespace catamaran
