// SpikeDetector: tells a step whose loss or gradient norm is finite and yet far above those of the
// steps before it.
//
//   SpikeDetector spikes(options.spike_factor, options.spike_window);
//   if (const std::optional<Spike> spike = spikes.judge(loss, gradient_norm)) ... spike->text() ...
//   spikes.add(loss, gradient_norm);      // of a step that was applied
//
// A spike: above factor times the median of the newest `window` steps that were added, of which
// there must be 20 at least; a median of 0 judges nothing. Given numbers that are the same on every
// rank (reduced ones), every rank judges alike. It begins empty, also in a run that goes on from a
// checkpoint. Memory: two times the window. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace catamaran {

constexpr int64_t kLeastSpikeWindow = 20;
constexpr int64_t kMostSpikeWindow = 10'000;

struct Spike {
  std::string what;  // "loss", "gradient norm"
  double value = 0;
  double median = 0;
  int64_t steps = 0;  // that the median is of

  // "loss 6.59 is 7.7 times the median 0.856 of the newest 31 steps"
  std::string text() const;
};

class SpikeDetector {
 public:
  SpikeDetector(double factor, int64_t window);

  std::optional<Spike> judge(double loss, double gradient_norm) const;
  void add(double loss, double gradient_norm);

 private:
  double factor_;
  size_t window_;
  size_t next_ = 0;  // the place of the oldest once there are `window` of them
  std::vector<double> losses_;
  std::vector<double> norms_;
};

}  // namespace catamaran
