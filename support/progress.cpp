#include "support/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "support/terminal.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kTerminalIntervalSeconds = 0.5;
constexpr double kLogIntervalSeconds = 10;
constexpr double kLongestLogIntervalSeconds = 60;
constexpr double kShareOfTimeBetweenLines = 1.0 / 30;
constexpr int64_t kLongestBar = 24;
constexpr int64_t kShortestBar = 8;
constexpr int64_t kBarFrame = 3;  // a space and brackets

double share_of(const ProgressLine& line) {
  return std::clamp(static_cast<double>(line.done) / static_cast<double>(line.total), 0.0, 1.0);
}

std::string bar_text(double share, int64_t width) {
  const auto full = static_cast<size_t>(share * static_cast<double>(width));
  return " [" + std::string(full, '#') + std::string(static_cast<size_t>(width) - full, '.') + "]";
}

std::string after_comma(const std::string& part) { return part.empty() ? "" : ", " + part; }

}  // namespace

std::string format_duration(double seconds) {
  const int64_t whole = std::lround(std::max(0.0, seconds));
  if (whole >= 3600) return text("%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text("%ld:%02ld", whole / 60, whole % 60);
}

std::string progress_text(const ProgressLine& line, int64_t columns) {
  const std::string tail = after_comma(line.time) + after_comma(line.note);
  if (line.total <= 0) {
    const std::string all = line.task + text(": %ld ", line.done) + line.unit + tail;
    return columns > 0 ? cut_to_columns(all, columns) : all;
  }
  const double share = share_of(line);
  const std::string counts =
      text(" %ld/%ld ", line.done, line.total) + line.unit + text(" (%.0f %%)", 100 * share) + tail;
  if (columns <= 0) return line.task + counts;
  const int64_t room = columns - columns_of(line.task) - columns_of(counts) - kBarFrame;
  if (room < kShortestBar) return cut_to_columns(line.task + counts, columns);
  return line.task + bar_text(share, std::min(room, kLongestBar)) + counts;
}

Progress::Progress(std::string task, int64_t total, std::string unit, bool enabled,
                   double first_seconds)
    : task_(std::move(task)),
      unit_(std::move(unit)),
      total_(total),
      enabled_(enabled),
      terminal_(error_terminal().has_value()),
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

std::string Progress::time_text(double now, bool last) const {
  if (total_ == 0) return "";
  if (last) return "took " + format_duration(now);
  const double rate =
      static_cast<double>(done_ - std::max<int64_t>(0, first_)) / std::max(now, 1e-9);
  return "ETA " + format_duration(rate > 0 ? static_cast<double>(total_ - done_) / rate : 0);
}

void Progress::draw(bool last) {
  const double now = since_start_.seconds();
  if (!enabled_ || (!last && now < next_draw_seconds_)) return;
  next_draw_seconds_ =
      now + (terminal_ ? kTerminalIntervalSeconds
                       : std::clamp(now * kShareOfTimeBetweenLines, kLogIntervalSeconds,
                                    kLongestLogIntervalSeconds));
  drawn_ = true;
  const ProgressLine line = {.task = task_,
                             .done = done_,
                             .total = total_,
                             .unit = unit_,
                             .time = time_text(now, last),
                             .note = note_};
  if (terminal_) {
    // One column stays free: a full line makes some terminals begin another.
    const std::string all = progress_text(
        line, std::max<int64_t>(1, error_terminal().value_or(TerminalSize()).columns - 1));
    std::fprintf(stderr, "\r%s\x1b[K%s", all.c_str(), last ? "\n" : "");
  } else {
    std::fprintf(stderr, "%s\n", progress_text(line, 0).c_str());
  }
  std::fflush(stderr);
}

}  // namespace catamaran
