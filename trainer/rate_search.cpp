#include "trainer/rate_search.h"

#include <algorithm>
#include <cmath>

#include "support/assert.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kRunsAway = 4;        // times the lowest loss
constexpr double kKeep = 0.8;          // of the running mean, a step
constexpr double kSmoothShare = 0.03;  // of the planned trials: one deviation of the kernel
constexpr double kLeastFall = 0.01;    // of the first loss
constexpr double kSure = 2.5;          // deviations of one step, that are no accident of many
constexpr size_t kFewest = 5;          // trials that can show anything

// Each with its neighbours on both sides, so that nothing is late, as a running mean would be.
std::vector<double> smoothed(const std::vector<double>& values, double deviation) {
  const auto reach = static_cast<int64_t>(std::ceil(3 * deviation));
  const int64_t count = std::ssize(values);
  std::vector<double> result;
  for (int64_t i = 0; i < count; ++i) {
    double sum = 0;
    double weights = 0;
    // As many on both sides, so that the ends of a slope are not pulled inwards.
    const int64_t near = std::min({reach, i, count - 1 - i});
    for (int64_t k = -near; k <= near; ++k) {
      const double distance = static_cast<double>(k) / deviation;
      const double weight = std::exp(-0.5 * distance * distance);
      sum += weight * values[static_cast<size_t>(i + k)];
      weights += weight;
    }
    result.push_back(sum / weights);
  }
  return result;
}

size_t index_of_lowest(const std::vector<RateTrial>& trials) {
  const auto lowest = std::ranges::min_element(trials, {}, &RateTrial::smoothed);
  return static_cast<size_t>(lowest - trials.begin());
}

// Of two trials around it, before the lowest loss.
size_t index_of_steepest(const std::vector<RateTrial>& trials, size_t lowest) {
  size_t best = 0;
  double fastest = 0;
  for (size_t i = 0; i <= lowest && i + 1 < trials.size(); ++i) {
    const size_t before = i == 0 ? 0 : i - 1;
    const double fall =
        (trials[i + 1].smoothed - trials[before].smoothed) / static_cast<double>(i + 1 - before);
    if (fall < fastest) {
      fastest = fall;
      best = i;
    }
  }
  return best;
}

// By how much the loss differs from one step to the next for no reason, up to `end`: half the mean
// square of its differences, which a slope hardly enters.
double noise(const std::vector<RateTrial>& trials, size_t end) {
  end = std::max(end, kFewest - 1);
  double squares = 0;
  for (size_t i = 1; i <= end; ++i) squares += std::pow(trials[i].loss - trials[i - 1].loss, 2);
  return std::sqrt(squares / (2 * static_cast<double>(end)));
}

// Of the first few, which no rate has moved yet.
double first_loss(const std::vector<RateTrial>& trials) {
  const size_t count = std::min(kFewest, trials.size());
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += trials[i].loss;
  return sum / static_cast<double>(count);
}

}  // namespace

bool DivergenceWatch::diverged(double loss) {
  if (!std::isfinite(loss)) return true;
  weighted_ = kKeep * weighted_ + (1 - kKeep) * loss;
  weight_ = kKeep * weight_ + (1 - kKeep);
  const double mean = weighted_ / weight_;
  if (lowest_ && mean > kRunsAway * *lowest_) return true;
  lowest_ = std::min(lowest_.value_or(mean), mean);
  return false;
}

RateSearch search_rates(const std::vector<double>& rates, const std::vector<double>& losses,
                        int64_t planned, RangeEnd end) {
  CATAMARAN_ASSERT(rates.size() == losses.size(), "each rate has a loss");
  RateSearch search;
  search.end = end;
  const std::vector<double> smooth =
      smoothed(losses, std::max(1.0, kSmoothShare * static_cast<double>(planned)));
  for (size_t i = 0; i < rates.size(); ++i)
    search.trials.push_back({rates[i], losses[i], smooth[i]});
  if (rates.size() < kFewest) {
    search.reason = text(end == RangeEnd::kNotFinite
                             ? "gradients or loss were not finite after %zu step(s): the first "
                               "rate is too high, or the data or the weights are not finite"
                             : "the loss ran away after %zu step(s): the first rate is too high",
                         rates.size());
    return search;
  }
  const std::vector<RateTrial>& trials = search.trials;
  const size_t lowest = index_of_lowest(trials);
  const double before = first_loss(trials);
  const double fall = before - trials[lowest].smoothed;
  if (fall < std::max(kLeastFall * before, kSure * noise(trials, lowest))) {
    search.reason = text(
        "no rate made the loss fall: it began at %.4g and was %.4g at best, and "
        "differs by %.2g from step to step",
        before, trials[lowest].smoothed, noise(trials, lowest));
    return search;
  }
  search.suggestion = {.steepest = rates[index_of_steepest(trials, lowest)],
                       .lowest = rates[lowest],
                       .tenth_of_lowest = rates[lowest] / 10};
  if (lowest + 1 == trials.size() && end == RangeEnd::kHighestRate)
    search.note = "the loss was still falling at the highest rate: look further up with --to";
  return search;
}

}  // namespace catamaran
