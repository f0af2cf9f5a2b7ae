#include "launch/watch_view.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <set>
#include <utility>

#include "launch/status_table.h"
#include "monitoring/progress_note.h"
#include "support/exit_code.h"
#include "support/progress.h"
#include "support/text.h"
#include "support/text_table.h"

namespace catamaran {
namespace {

constexpr double kLostSeconds = 5;

// "12:03:44" of this machine's clock, as the log on stderr has it.
std::string clock_text(double unix_seconds) {
  constexpr double kEndOfTime = 1e11;  // a damaged log may say anything
  if (!(unix_seconds >= 0 && unix_seconds < kEndOfTime)) return "--:--:--";
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm local{};
  std::array<char, 16> text{};
  if (::localtime_r(&seconds, &local) == nullptr) return "";
  return {text.data(), std::strftime(text.data(), text.size(), "%H:%M:%S", &local)};
}

std::string event_text(const LogLine& line) {
  const std::string level = line.level == "info" ? "" : line.level + ": ";
  return clock_text(line.unix_seconds) + " " + level + one_line(line.message);
}

std::string progress_line(const RunStatus& run, int64_t columns) {
  if (run.phase != RunPhase::kRunning || run.total_steps <= 0 || run.step <= 0)
    return run.name + ": " + status_sentence(run);
  return progress_text({.task = run.name,
                        .done = run.step,
                        .total = run.total_steps,
                        .unit = "steps",
                        .time = run.eta_seconds ? "ETA " + format_duration(*run.eta_seconds) : "",
                        .note = progress_note({.epoch = run.epoch,
                                               .loss = run.loss,
                                               .learning_rate = run.learning_rate,
                                               .images_per_second = run.images_per_second,
                                               .data_wait_ratio = run.data_wait_ratio,
                                               .map = run.map})},
                       columns);
}

// What makes a line of its own where several runs are watched without a terminal.
std::string change_key(const RunStatus& run) {
  return phase_name(run.phase) +
         text(" %ld %ld %.6f ", run.epoch, run.checkpoint_step, run.best_map.value_or(-1)) +
         run.reason;
}

}  // namespace

std::string WatchView::new_events(const RunStatus& run) {
  if (!log_ || followed_ != run.folder) {
    log_.emplace(run.folder / "log.jsonl", kLinesAtFirst);
    followed_ = run.folder;
    checkpoint_.reset();
  }
  std::string output;
  for (const LogLine& line : log_->take()) output += screen_.say(event_text(line));
  if (checkpoint_ && run.checkpoint_step > *checkpoint_)
    output += screen_.say(clock_text(run.checkpoint_unix_seconds) +
                          text(" checkpoint of step %ld", run.checkpoint_step));
  checkpoint_ = run.checkpoint_step;
  return output;
}

std::string WatchView::show_one(const RunStatus& run) {
  std::string output = new_events(run);
  if (screen_.is_terminal()) return output + screen_.draw({progress_line(run, screen_.columns())});
  const std::string line = progress_line(run, 0);
  if (std::exchange(said_[run.folder], line) != line) output += line + "\n";
  return output;
}

std::string WatchView::show_many(const std::vector<RunStatus>& runs, double now) {
  if (screen_.is_terminal()) return screen_.draw(status_table(runs, now, screen_.columns()));
  std::string output;
  for (const RunStatus& run : runs) {
    const std::string key = change_key(run);
    if (std::exchange(said_[run.folder], key) != key)
      output += run.name + ": " + status_sentence(run) + "\n";
  }
  return output;
}

std::string WatchView::show(const std::vector<RunStatus>& runs, double now) {
  return runs.size() == 1 ? show_one(runs.front()) : show_many(runs, now);
}

bool has_ended(const RunStatus& run, double seconds_lost) {
  switch (run.phase) {
    case RunPhase::kPending:
    case RunPhase::kRunning:
      return false;
    case RunPhase::kLost:
      return seconds_lost >= kLostSeconds;
    case RunPhase::kStopped:
    case RunPhase::kFailed:
    case RunPhase::kDone:
      return true;
  }
  return true;
}

int watch_exit_code(const std::vector<RunStatus>& runs) {
  std::set<int> failures;
  bool any_stopped = false;
  for (const RunStatus& run : runs) {
    if (run.phase == RunPhase::kFailed) failures.insert(run.exit_code.value_or(1));
    if (run.phase == RunPhase::kLost) failures.insert(1);
    any_stopped = any_stopped || run.phase == RunPhase::kStopped;
  }
  if (failures.size() == 1) return *failures.begin();
  if (!failures.empty()) return 1;
  return any_stopped ? kExitStopped : kExitDone;
}

}  // namespace catamaran
