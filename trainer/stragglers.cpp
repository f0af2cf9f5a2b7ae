#include "trainer/stragglers.h"

#include <algorithm>
#include <utility>

#include "support/assert.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kBetweenLines = 60;  // seconds

}  // namespace

OwnWork::OwnWork(int world) : means_(static_cast<size_t>(world), 0.0) {}

SlowestRank OwnWork::add(std::span<const double> seconds) {
  const size_t world = means_.size();
  CATAMARAN_ASSERT(seconds.size() == world, "each rank brings its seconds");
  if (steps_.size() == kSteps) steps_.pop_front();
  steps_.emplace_back(seconds.begin(), seconds.end());
  std::ranges::fill(means_, 0.0);
  for (const std::vector<double>& step : steps_) {
    for (size_t rank = 0; rank < world; ++rank)
      means_[rank] += step[rank] / static_cast<double>(steps_.size());
  }
  std::vector<double> means = means_;
  const auto slowest = std::ranges::max_element(means);
  SlowestRank found{.rank = slowest - means.begin(), .seconds = *slowest, .median_seconds = 0};
  const auto middle = means.begin() + static_cast<std::ptrdiff_t>((world - 1) / 2);
  std::ranges::nth_element(means, middle);
  found.median_seconds = *middle;
  return found;
}

StragglerLines::StragglerLines(double factor, std::vector<std::string> hosts)
    : factor_(factor), hosts_(std::move(hosts)) {}

std::optional<std::string> StragglerLines::line(const SlowestRank& slowest, double now) {
  if (factor_ == 0) return std::nullopt;
  steps_seen_ = std::min(steps_seen_ + 1, 2 * OwnWork::kSteps);
  if (slowest.factor() <= factor_) {
    said_.reset();
    return std::nullopt;
  }
  // The second window is the first without the steps in which everything is made.
  if (steps_seen_ < 2 * OwnWork::kSteps || said_ == slowest.rank) return std::nullopt;
  if (said_at_ && now - *said_at_ < kBetweenLines) return std::nullopt;
  said_ = slowest.rank;
  said_at_ = now;
  return text(
      "rank %ld on %s is a straggler: its own work (data wait, forward, backward) took %.3g s a "
      "step over the newest %zu, %.1f times the median of all ranks (%.3g s); look at its host: "
      "other work, a slow disk, a GPU that is hot",
      slowest.rank, hosts_.at(static_cast<size_t>(slowest.rank)).c_str(), slowest.seconds,
      OwnWork::kSteps, slowest.factor(), slowest.median_seconds);
}

}  // namespace catamaran
