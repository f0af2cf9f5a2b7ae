#include "support/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace catamaran {
namespace {

constexpr double kTerminalIntervalSeconds = 0.2;
constexpr double kLogIntervalSeconds = 10;
constexpr int kBarWidth = 24;

}  // namespace

std::string format_duration(double seconds) {
  const int64_t whole = std::lround(std::max(0.0, seconds));
  char text[40];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
  }
  return text;
}

Progress::Progress(std::string task, int64_t total, std::string unit, bool enabled,
                   double first_seconds)
    : task_(std::move(task)),
      unit_(std::move(unit)),
      total_(total),
      enabled_(enabled),
      terminal_(::isatty(STDERR_FILENO) == 1),
      next_draw_seconds_(first_seconds >= 0 ? first_seconds
                         : terminal_        ? 0
                                            : kLogIntervalSeconds) {}

Progress::~Progress() {
  const std::lock_guard lock(mutex_);
  if (enabled_ && drawn_) draw(true);
}

void Progress::advance(int64_t count, const std::string& note) {
  const std::lock_guard lock(mutex_);
  if (first_ < 0) first_ = 0;
  done_ += count;
  note_ = note;
  draw(false);
}

void Progress::set(int64_t done, const std::string& note) {
  const std::lock_guard lock(mutex_);
  if (first_ < 0) first_ = std::max<int64_t>(0, done - 1);
  done_ = done;
  note_ = note;
  draw(false);
}

void Progress::draw(bool last) {
  const double now = since_start_.seconds();
  if (!enabled_ || (!last && now < next_draw_seconds_)) return;
  next_draw_seconds_ = now + (terminal_ ? kTerminalIntervalSeconds : kLogIntervalSeconds);
  drawn_ = true;
  if (total_ == 0) {
    std::fprintf(stderr, "%s%s: %ld %s%s%s%s", terminal_ ? "\r" : "", task_.c_str(), done_,
                 unit_.c_str(), note_.empty() ? "" : ", ", note_.c_str(),
                 terminal_ ? (last ? "\x1b[K\n" : "\x1b[K") : "\n");
    std::fflush(stderr);
    return;
  }
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const double rate =
      static_cast<double>(done_ - std::max<int64_t>(0, first_)) / std::max(now, 1e-9);
  const double left = rate > 0 ? static_cast<double>(total_ - done_) / rate : 0;
  const std::string time = last ? "took " + format_duration(now) : "ETA " + format_duration(left);
  std::string bar;
  if (terminal_) {
    const int full = static_cast<int>(share * kBarWidth);
    bar = " [" + std::string(static_cast<size_t>(full), '#') +
          std::string(static_cast<size_t>(kBarWidth - full), '.') + "]";
  }
  std::fprintf(stderr, "%s%s%s %ld/%ld %s (%.0f %%), %s%s%s%s", terminal_ ? "\r" : "",
               task_.c_str(), bar.c_str(), done_, total_, unit_.c_str(), share * 100, time.c_str(),
               note_.empty() ? "" : ", ", note_.c_str(),
               terminal_ ? (last ? "\x1b[K\n" : "\x1b[K") : "\n");
  std::fflush(stderr);
}

}  // namespace catamaran
