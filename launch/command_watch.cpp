#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "launch/command.h"
#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/signals.h"
#include "launch/status_table.h"
#include "launch/watch_view.h"
#include "monitoring/run_status.h"
#include "monitoring/status_folders.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr double kTerminalIntervalSeconds = 2;
constexpr double kFileIntervalSeconds = 10;
constexpr std::chrono::milliseconds kLook{50};  // at the wish to stop
constexpr double kBetweenSearches = 10;         // seconds, for runs that are new
constexpr double kLongLost = 60;                // seconds

struct WatchArguments {
  std::vector<fs::path> folders;
  double interval = 0;  // seconds; 0: by what stdout is
  bool once = false;
  bool stay = false;
};

void write(const std::string& output) {
  if (output.empty()) return;
  std::fwrite(output.data(), 1, output.size(), stdout);
  std::fflush(stdout);
}

class Watch {
 public:
  explicit Watch(const WatchArguments& given)
      : given_(given), view_(terminal_size(STDOUT_FILENO)) {}

  int run() {
    const StopSignals signals;
    look(/*is_first=*/true);
    // A reader that has gone, as `| head` does, has seen what it wanted.
    while (!given_.once && (given_.stay || !all_have_ended()) && std::ferror(stdout) == 0) {
      if (!wait(signals)) {
        write(view_.finish());
        return kExitInterrupted;
      }
      look(/*is_first=*/false);
    }
    write(view_.finish());
    return watch_exit_code(runs_);
  }

 private:
  // Folders may be large, and new runs are few.
  void find_runs(bool is_first) {
    if (!is_first && steady_seconds() - found_at_ < kBetweenSearches) return;
    found_at_ = steady_seconds();
    try {
      folders_ = find_status_folders(status_folders_or_default(given_.folders)).runs;
    } catch (const UsageError&) {
      if (is_first) throw;  // later somebody deletes them: what is left is told
    }
  }

  void look(bool is_first) {
    find_runs(is_first);
    runs_ = read_run_statuses(folders_);
    sort_runs(runs_, RunOrder::kName);  // each stays where it is
    note_lost();
    view_.resize(terminal_size(STDOUT_FILENO));
    write(view_.show(runs_, unix_seconds()));
  }

  void note_lost() {
    for (const RunStatus& run : runs_) {
      if (run.phase == RunPhase::kLost) {
        lost_since_.emplace(run.folder, steady_seconds());
      } else {
        lost_since_.erase(run.folder);
      }
    }
  }

  // One that had been lost long before the first look is so for good.
  bool all_have_ended() const {
    for (const RunStatus& run : runs_) {
      const auto lost = lost_since_.find(run.folder);
      const double here = lost == lost_since_.end() ? 0 : steady_seconds() - lost->second;
      const double silent = unix_seconds() - run.updated_unix_seconds;
      if (!has_ended(run, silent > kLongLost ? silent : here)) return false;
    }
    return true;
  }

  // False where it is to stop.
  bool wait(const StopSignals& signals) const {
    const double interval = given_.interval > 0            ? given_.interval
                            : terminal_size(STDOUT_FILENO) ? kTerminalIntervalSeconds
                                                           : kFileIntervalSeconds;
    const Stopwatch waiting;
    while (!signals.wish() && waiting.seconds() < interval) std::this_thread::sleep_for(kLook);
    return !signals.wish();
  }

  const WatchArguments& given_;
  WatchView view_;
  std::vector<RunStatus> runs_;
  std::vector<fs::path> folders_;          // of them
  double found_at_ = 0;                    // steady seconds
  std::map<fs::path, double> lost_since_;  // steady seconds
};

}  // namespace

void add_watch_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* watch = app.add_subcommand(
      "watch", "Follows one run, or all runs of a folder, until they have ended or Ctrl-C");
  const auto given = std::make_shared<WatchArguments>();
  watch
      ->add_option("folders", given->folders,
                   "run directories, or folders of them; without one runs/, else this folder")
      ->check(not_empty());
  watch
      ->add_option("--interval", given->interval,
                   "seconds between looks; without it 2 on a terminal, else 10")
      ->check(CLI::Range(0.2, 86400.0));
  watch->add_flag("--once", given->once, "one look, then end");
  watch->add_flag("--stay", given->stay,
                  "go on when all have ended: a job that is requeued will start again");
  watch->footer(
      "Ends with 0 where all runs are done, 75 where one was stopped with a checkpoint, else with "
      "the code of the run that failed (1 where several did, in different ways, or one was lost).\n"
      "Examples: catamaran watch runs/a\n"
      "          catamaran watch runs --interval 5");
  watch->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return Watch(*given).run(); }; });
}

}  // namespace catamaran
