#include "comm/rank_mail.h"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "comm/checked.h"
#include "support/clock.h"

namespace catamaran {
namespace {

constexpr int kFirstTag = 5000;  // beside those of comm/clock_offset.cpp
constexpr int kMostRounds = 1000;
constexpr double kAnswerSeconds = 5;  // for answers to leave rank 0
constexpr const char* kOperation = "asking all ranks";

constexpr int kNameBytes = 256;  // of a host, with its end
using Name = std::array<char, kNameBytes>;

void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace

std::vector<std::string> hosts_of_ranks(const std::string& mine, int world, double seconds) {
  if (world == 1) return {mine};
  const auto ranks = static_cast<size_t>(world);
  auto own = std::make_unique<Name>();
  auto all = std::make_unique<std::vector<Name>>(ranks);
  mine.copy(own->data(), own->size() - 1);
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_CHECK(MPI_Iallgather(own->data(), kNameBytes, MPI_CHAR, all->data(), kNameBytes, MPI_CHAR,
                           MPI_COMM_WORLD, &request),
            kOperation);
  const Stopwatch waiting;
  for (int done = 0; done == 0;) {
    MPI_CHECK(MPI_Test(&request, &done, MPI_STATUS_IGNORE), kOperation);
    if (done == 0 && waiting.seconds() > seconds) {
      (void)own.release();  // MPI may still read and write them
      (void)all.release();
      return {};
    }
    if (done == 0) rest();
  }
  std::vector<std::string> hosts;
  for (const Name& name : *all) hosts.emplace_back(name.data());
  return hosts;
}

struct RankMail::Letter {
  std::string text;
  int rank = 0;  // at the other end
  MPI_Request request = MPI_REQUEST_NULL;
};

RankMail::RankMail(int rank, int world) : rank_(rank), world_(world) {}

RankMail::~RankMail() {
  // Their memory is not given back while a silent rank may still be written to or read from.
  for (std::unique_ptr<Letter>& letter : unfinished_) (void)letter.release();
}

std::unique_ptr<RankMail::Letter> RankMail::send(const std::string& text, int to, int tag) {
  auto letter = std::make_unique<Letter>(Letter{.text = text, .rank = to});
  MPI_CHECK(MPI_Isend(letter->text.data(), static_cast<int>(letter->text.size()), MPI_BYTE, to, tag,
                      MPI_COMM_WORLD, &letter->request),
            kOperation);
  return letter;
}

// One that has arrived, or nullptr.
std::unique_ptr<RankMail::Letter> RankMail::take(int from, int tag) {
  int there = 0;
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Status status{};
  MPI_CHECK(MPI_Improbe(from, tag, MPI_COMM_WORLD, &there, &message, &status), kOperation);
  if (there == 0) return nullptr;
  int bytes = 0;
  MPI_CHECK(MPI_Get_count(&status, MPI_BYTE, &bytes), kOperation);
  auto letter = std::make_unique<Letter>(
      Letter{.text = std::string(static_cast<size_t>(bytes), ' '), .rank = status.MPI_SOURCE});
  MPI_CHECK(MPI_Imrecv(letter->text.data(), bytes, MPI_BYTE, &message, &letter->request),
            kOperation);
  return letter;
}

bool RankMail::is_done(Letter& letter) const {
  int done = 0;
  MPI_CHECK(MPI_Test(&letter.request, &done, MPI_STATUS_IGNORE), kOperation);
  return done != 0;
}

void RankMail::wait_for(Letters& letters, double seconds) const {
  const Stopwatch waiting;
  for (;;) {
    std::erase_if(letters, [this](const auto& letter) { return is_done(*letter); });
    if (letters.empty() || waiting.seconds() > seconds) return;
    rest();
  }
}

void RankMail::leave(Letters letters) {
  for (std::unique_ptr<Letter>& letter : letters) unfinished_.push_back(std::move(letter));
}

// Rank 0's side.
RankTexts RankMail::collect(const std::string& mine, double seconds) {
  RankTexts by_rank(static_cast<size_t>(world_));
  by_rank[0] = mine;
  Letters coming;
  const Stopwatch waiting;
  const int wanted = world_ - 1 - static_cast<int>(given_up_.size());
  for (int heard = 0; heard < wanted && waiting.seconds() <= seconds;) {
    std::unique_ptr<Letter> letter = take(MPI_ANY_SOURCE, kFirstTag + 2 * rounds_);
    const bool quiet = letter == nullptr;
    if (letter) coming.push_back(std::move(letter));
    for (std::unique_ptr<Letter>& one : coming) {
      if (!is_done(*one)) continue;
      heard += given_up_.contains(one->rank) ? 0 : 1;  // it may come back
      by_rank[static_cast<size_t>(one->rank)] = std::move(one->text);
      one.reset();
    }
    std::erase(coming, nullptr);
    if (quiet) rest();
  }
  leave(std::move(coming));
  return by_rank;
}

std::optional<std::string> RankMail::round(const std::string& mine, const Decide& decide,
                                           double seconds) {
  const int tag = kFirstTag + 2 * rounds_;
  const int answer_tag = tag + 1;
  if (rank_ == 0) {
    const RankTexts by_rank = collect(mine, seconds);
    std::string answer = decide(by_rank);
    rounds_ = (rounds_ + 1) % kMostRounds;
    Letters answers;
    for (int r = 1; r < world_; ++r) {
      if (by_rank[static_cast<size_t>(r)]) answers.push_back(send(answer, r, answer_tag));
    }
    wait_for(answers, kAnswerSeconds);
    leave(std::move(answers));
    return answer;
  }
  rounds_ = (rounds_ + 1) % kMostRounds;
  Letters out;
  out.push_back(send(mine, 0, tag));
  const Stopwatch waiting;
  std::unique_ptr<Letter> answer;
  while (waiting.seconds() <= 3 * seconds) {
    std::erase_if(out, [this](const auto& letter) { return is_done(*letter); });
    if (!answer) answer = take(0, answer_tag);
    if (answer && is_done(*answer)) {
      leave(std::move(out));
      return std::move(answer->text);
    }
    rest();
  }
  if (answer) out.push_back(std::move(answer));
  leave(std::move(out));
  return std::nullopt;
}

}  // namespace catamaran
