#include "launch/sweep_train.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <optional>

#include "comm/mpi_session.h"
#include "launch/command.h"
#include "launch/exit_code.h"
#include "launch/self_launch.h"
#include "launch/sweep_points.h"
#include "launch/sweep_record.h"
#include "launch/version.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/host_name.h"
#include "support/log.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

// The files beside a run are for readers: a start does not fail for them.
void write_for_readers(const fs::path& point, const Outcome& outcome) {
  try {
    write_outcome(point, outcome);
  } catch (const Error& problem) {
    log::warn(std::string("how the point began or ended is not written down: ") + problem.what());
  }
}

// What is written of a start, by one process of it.
class StartRecord {
 public:
  StartRecord(fs::path point, int64_t until, bool writes)
      : point_(std::move(point)), writes_(writes) {
    if (!writes_) return;
    const std::optional<Outcome> before = read_outcome(point_);
    outcome_.failures = before ? before->failures : 0;
    outcome_.until = until;
    outcome_.unix_seconds = unix_seconds();
    outcome_.host = host_name();
    outcome_.process = ::getpid();
    write_for_readers(point_, outcome_);
  }

  // A rank that this process started has had its own word, unless it was killed.
  void end(int code, const std::string& reason, bool by_ranks) {
    if (!writes_) return;
    const std::optional<Outcome> said = read_outcome(point_);
    if (by_ranks && said && said->ended && said->unix_seconds >= outcome_.unix_seconds) return;
    outcome_.ended = true;
    outcome_.code = code;
    outcome_.reason = reason;
    outcome_.unix_seconds = unix_seconds();
    outcome_.failures = outcome_.failed() ? outcome_.failures + 1 : 0;
    write_for_readers(point_, outcome_);
  }

 private:
  fs::path point_;
  bool writes_;
  Outcome outcome_;
};

// The command `train` itself, with these words.
int run_train(const std::vector<std::string>& words) {
  std::vector<std::string> all = {"catamaran"};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> pointers;
  pointers.reserve(all.size() + 1);
  for (std::string& word : all) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int argc = static_cast<int>(all.size());
  char** argv = pointers.data();
  CLI::App app("", "catamaran");
  CommandSlot slot;
  add_train_command(app, slot);
  app.require_subcommand(1);
  app.parse(argc, argv);
  return slot.work(argc, argv);
}

}  // namespace

std::vector<std::string> train_words(const SweepPlan& plan, const SweepPoint& point,
                                     const PointStart& start) {
  std::vector<std::string> words = {"train", "--config"};
  const auto set = [&words](const std::string& setting) {
    words.insert(words.end(), {"--set", setting});
  };
  if (plan.prepared) {  // the values again, for the run's manifest
    words.push_back((point.folder / kPointConfig).string());
    for (const auto& [key, value] : point.values) set(key + "=" + value);
  } else {
    words.push_back(plan.config.string());
    for (const std::string& setting : point.settings) set(setting);
  }
  if (start.until > 0) set("schedule.max_steps=" + std::to_string(start.until));
  if (start.however_often) set("checkpoint.most_starts_without_progress=0");
  words.insert(words.end(), {"--run-dir", point.folder.string(), "--resume", "auto"});
  if (!start.max_time.empty()) words.insert(words.end(), {"--max-time", start.max_time});
  if (start.force_lock) words.emplace_back("--force-lock");
  return words;
}

int64_t next_end(const SweepPlan& plan, const SweepPoint& point) {
  const std::string who = "point " + std::to_string(point.index) + " (" + point.id + ")";
  if (plan.prepared) {
    if (point.until == kNothingToDo)
      log::info(who + " had nothing to do when the sweep was prepared");
    return point.until;
  }
  if (plan.halving.rungs.empty()) return 0;
  if (started_by_launcher()) {
    throw UsageError("ranks must not look at a halving each by itself", plan.file.string(),
                     "give the plan that `catamaran submit --sweep` or `sweep run` has prepared: "
                     "OUT/plans/ID.json");
  }
  const SweepState state = read_sweep_state(plan);
  const PointState& here = state.points[static_cast<size_t>(point.index)];
  if (is_open(here, FailedPoints::kAll)) return here.until;
  log::info(who + " is " + phase_name(here.phase) + (here.reason.empty() ? "" : " " + here.reason) +
            ": nothing to do");
  return kNothingToDo;
}

int train_point(const SweepPlan& plan, const SweepPoint& point, const PointStart& start, int& argc,
                char**& argv) {
  StartRecord record(point.folder, start.until, rank_from_environment() <= 0);
  try {
    const bool by_ranks = start.ranks > 0;
    const int code = by_ranks ? launch_ranks(start.ranks, argc, argv, OnStop::kCheckpoint)
                              : run_train(train_words(plan, point, start));
    record.end(code, "", by_ranks);
    return code;
  } catch (const std::exception& problem) {
    const Error error = as_error(problem);
    record.end(exit_code(error.kind()), error.what(), false);
    throw;
  }
}

}  // namespace catamaran
