// WatchView: what is shown of runs from look to look, on a terminal or as plain lines.
//
//   WatchView view(terminal_size(STDOUT_FILENO));
//   std::fputs(view.show(runs, unix_seconds()).c_str(), stdout);      // every few seconds
//   std::fputs(view.finish().c_str(), stdout);
//
// One run: its progress line as training draws it, and above it, for good, what its log says and
// its checkpoints. Several: the table of `catamaran status`, drawn again in place where a value has
// changed. Without a terminal: a line when something has changed: of one run its progress and the
// lines of its log, of several each one's state, epoch, mAP, checkpoint or reason. Returns what is
// to be written. One thread at a time.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launch/screen.h"
#include "monitoring/log_follower.h"
#include "monitoring/run_status.h"

namespace catamaran {

class WatchView {
 public:
  static constexpr size_t kLinesAtFirst = 5;  // of a run's log

  explicit WatchView(std::optional<TerminalSize> size) : screen_(size) {}
  void resize(std::optional<TerminalSize> size) { screen_.resize(size); }
  std::string show(const std::vector<RunStatus>& runs, double now);
  std::string finish() { return screen_.finish(); }

 private:
  std::string show_one(const RunStatus& run);
  std::string show_many(const std::vector<RunStatus>& runs, double now);
  std::string new_events(const RunStatus& run);

  Screen screen_;
  std::optional<LogFollower> log_;                     // of the one run
  std::filesystem::path followed_;                     // its folder
  std::optional<int64_t> checkpoint_;                  // that was told
  std::map<std::filesystem::path, std::string> said_;  // of each run, without a terminal
};

// It will not go on by itself. One that is lost may be about to say why (`seconds`, since it is
// seen so): survivors of a rank write failure.json a moment later.
bool has_ended(const RunStatus& run, double seconds_lost);

// Of runs that have ended or are left: 0 where all are done; that of the one that failed, or 1
// where several failed in different ways, or one was lost; 75 where none failed and one was stopped
// with a checkpoint. Runs that still run or wait count as nothing.
int watch_exit_code(const std::vector<RunStatus>& runs);

}  // namespace catamaran
