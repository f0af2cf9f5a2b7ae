#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "launch/command.h"
#include "launch/discovery_sweep.h"
#include "launch/duration.h"
#include "launch/path_checks.h"
#include "launch/status_table.h"
#include "monitoring/run_status.h"
#include "monitoring/run_status_json.h"
#include "monitoring/status_folders.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/json.h"
#include "support/log.h"
#include "support/nearest.h"
#include "support/terminal.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct StatusArguments {
  std::vector<fs::path> folders;
  std::string sort = "updated";
  std::vector<std::string> states;
  bool json = false;
  fs::path discovery;
  std::string grace = "10m";
  bool dry_run = false;
};

std::set<RunPhase> phases_of(const std::vector<std::string>& states) {
  std::set<RunPhase> phases;
  for (const std::string& state : states) {
    const std::optional<RunPhase> phase = phase_named(state);
    if (!phase) {
      const std::vector<std::string> known = {"running", "pending", "stopped",
                                              "failed",  "lost",    "done"};
      throw UsageError("'" + state + "' is no state" + did_you_mean(state, known), "--state",
                       "it is one of running, pending, stopped, failed, lost, done");
    }
    phases.insert(*phase);
  }
  return phases;
}

void print_table(const std::vector<RunStatus>& runs) {
  const std::optional<TerminalSize> terminal = terminal_size(STDOUT_FILENO);
  for (const std::string& line :
       status_table(runs, unix_seconds(), terminal ? terminal->columns : 0))
    std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  for (const RunStatus& run : runs) {
    for (const std::string& problem : run.problems) log::warn(printable(problem));
  }
}

int show_runs(const StatusArguments& given) {
  const std::set<RunPhase> wanted = phases_of(given.states);
  const StatusFolders found = find_status_folders(status_folders_or_default(given.folders));
  if (found.is_cut)
    log::warn(text("there are more than %ld folders: not all were looked at; name fewer",
                   StatusFolders::kMostFolders));
  std::vector<RunStatus> runs = read_run_statuses(found.runs);
  if (!wanted.empty())
    std::erase_if(runs, [&](const RunStatus& run) { return !wanted.contains(run.phase); });
  sort_runs(runs, run_order_named(given.sort).value_or(RunOrder::kUpdated));
  if (!given.json) {
    print_table(runs);
    return 0;
  }
  ordered_json all = ordered_json::array();
  for (const RunStatus& run : runs) all.push_back(run_status_json(run));
  std::printf("%s\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
  return 0;
}

ordered_json json_of(const DiscoveryVerdict& verdict, bool dry_run) {
  return {{"file", verdict.target.file.string()},
          {"run", verdict.target.run},
          {"run_dir", verdict.target.run_dir},
          {"slurm_job_id", verdict.target.slurm_job_id},
          {"removed", verdict.goes && !dry_run},
          {"would_be_removed", verdict.goes},
          {"why", verdict.why}};
}

int clear_discovery(const StatusArguments& given) {
  if (!given.folders.empty())
    throw UsageError("--sweep-discovery goes by the run directories that its files name",
                     given.folders.front().string(), "leave the run directories out");
  const DiscoverySweep sweep =
      sweep_discovery({.folder = given.discovery,
                       .grace_seconds = static_cast<double>(parse_duration(given.grace, "--grace")),
                       .dry_run = given.dry_run},
                      ask_squeue);
  if (!sweep.has_slurm) log::info("no squeue was asked: it goes by the run directories alone");
  for (const std::string& reason : sweep.left_out) log::warn("left out: " + printable(reason));
  if (given.json) {
    ordered_json all = {{"folder", given.discovery.string()},
                        {"dry_run", given.dry_run},
                        {"asked_slurm", sweep.has_slurm},
                        {"files", ordered_json::array()},
                        {"left_out", sweep.left_out}};
    for (const DiscoveryVerdict& verdict : sweep.verdicts)
      all["files"].push_back(json_of(verdict, given.dry_run));
    std::printf("%s\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
    return 0;
  }
  int64_t gone = 0;
  for (const DiscoveryVerdict& verdict : sweep.verdicts) {
    gone += verdict.goes ? 1 : 0;
    const char* what = !verdict.goes ? "stays" : given.dry_run ? "would be deleted" : "deleted";
    std::printf("%s: %s: %s\n", printable(verdict.target.file.string()).c_str(), what,
                printable(verdict.why).c_str());
  }
  std::printf("%ld of %zu %s\n", gone, sweep.verdicts.size(),
              given.dry_run ? "would be deleted" : "deleted");
  return 0;
}

}  // namespace

void add_status_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* status = app.add_subcommand(
      "status", "Runs with state, progress, ETA, loss, mAP and reason of the last stop");
  const auto given = std::make_shared<StatusArguments>();
  status
      ->add_option("folders", given->folders,
                   "run directories, or folders of them; without one runs/, else this folder")
      ->check(not_empty());
  status->add_option("--sort", given->sort, "what comes first: the newest, the best, ...")
      ->check(CLI::IsMember(run_order_names()))
      ->capture_default_str();
  status
      ->add_option("--state", given->states,
                   "only runs in these states: running, pending, stopped, failed, lost, done")
      ->delimiter(',')
      ->allow_extra_args(false);  // what comes next is a folder
  status->add_flag("--json", given->json, "print as JSON");
  CLI::Option* sweep =
      status
          ->add_option("--sweep-discovery", given->discovery,
                       "instead: delete files of this folder of Prometheus' file discovery whose "
                       "run is over, or whose Slurm job squeue no longer knows")
          ->check(not_empty());
  status
      ->add_option("--grace", given->grace,
                   "a file of a run that failed or was lost stays so long after its last sign of "
                   "life, so that the alert comes first")
      ->capture_default_str()
      ->needs(sweep);
  status->add_flag("--dry-run", given->dry_run, "tell what would go, and delete nothing")
      ->needs(sweep);
  status->footer(
      "Examples: catamaran status runs --sort map\n"
      "          catamaran status runs --state failed,lost --json\n"
      "          catamaran status --sweep-discovery /shared/prometheus --dry-run");
  status->callback([&slot, given] {
    slot.work = [given](int&, char**&) {
      return given->discovery.empty() ? show_runs(*given) : clear_discovery(*given);
    };
  });
}

}  // namespace catamaran
