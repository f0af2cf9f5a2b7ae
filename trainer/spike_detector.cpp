#include "trainer/spike_detector.h"

#include <algorithm>

#include "support/text.h"

namespace catamaran {
namespace {

// Of an even number of values the upper of the two in the middle.
double upper_median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::string Spike::text() const {
  return catamaran::text("%s %.4g is %.1f times the median %.4g of the newest %ld steps",
                         what.c_str(), value, value / median, median, steps);
}

SpikeDetector::SpikeDetector(double factor, int64_t window)
    : factor_(factor), window_(static_cast<size_t>(window)) {}

std::optional<Spike> SpikeDetector::judge(double loss, double gradient_norm) const {
  if (std::ssize(losses_) < kLeastSpikeWindow) return std::nullopt;
  const auto above = [this](const char* what, double value, const std::vector<double>& before) {
    const double median = upper_median(before);
    std::optional<Spike> spike;
    if (median > 0 && value > factor_ * median)
      spike = {.what = what, .value = value, .median = median, .steps = std::ssize(before)};
    return spike;
  };
  const std::optional<Spike> of_loss = above("loss", loss, losses_);
  return of_loss ? of_loss : above("gradient norm", gradient_norm, norms_);
}

void SpikeDetector::add(double loss, double gradient_norm) {
  if (losses_.size() < window_) {
    losses_.push_back(loss);
    norms_.push_back(gradient_norm);
    return;
  }
  losses_[next_] = loss;
  norms_[next_] = gradient_norm;
  next_ = (next_ + 1) % window_;
}

}  // namespace catamaran
