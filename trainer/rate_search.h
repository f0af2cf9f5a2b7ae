// What a learning-rate range test shows (Smith 2015, arXiv 1506.01186): the loss against a rate
// that rose from step to step, smoothed, and which rates it suggests. Pure arithmetic.
//
//   DivergenceWatch watch;
//   ... if (watch.diverged(loss)) stop ...
//   const RateSearch found = search_rates(rates, losses, planned_steps, end);
//   if (found.suggestion) found.suggestion->steepest;
//
// Thread-safe, but for a DivergenceWatch, which is one thread's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace catamaran {

struct RateTrial {
  double rate = 0;
  double loss = 0;  // of the step after the one that had this rate
  double smoothed = 0;
};

struct RateSuggestion {
  double steepest = 0;         // where the smoothed loss falls fastest against log(rate)
  double lowest = 0;           // where it is lowest: already too high to train with
  double tenth_of_lowest = 0;  // lowest / 10
};

// Why a test made no more steps.
enum class RangeEnd {
  kHighestRate,  // all were made
  kLossRanAway,  // DivergenceWatch
  kNotFinite,    // a step's gradients or loss were not, as often as a run allows
};

struct RateSearch {
  std::vector<RateTrial> trials;  // by rising rate
  RangeEnd end = RangeEnd::kHighestRate;
  std::optional<RateSuggestion> suggestion;
  std::string reason;  // without a suggestion: why
  std::string note;    // beside one: what to know about it; may be empty
};

// Decides while the test runs: the loss, smoothed over the newest steps, is more than four times
// the lowest it was, or is not finite.
class DivergenceWatch {
 public:
  bool diverged(double loss);

 private:
  double weighted_ = 0;
  double weight_ = 0;
  std::optional<double> lowest_;
};

// rates rise by a constant factor; losses are finite, one a rate. planned: trials of a test that
// reaches its highest rate; the smoothing spans a share of it.
RateSearch search_rates(const std::vector<double>& rates, const std::vector<double>& losses,
                        int64_t planned, RangeEnd end);

}  // namespace catamaran
