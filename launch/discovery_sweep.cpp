#include "launch/discovery_sweep.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "launch/program_output.h"
#include "launch/status_table.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/lock_holder.h"
#include "support/text.h"
#include "support/text_table.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr double kPatienceSeconds = 10;

// "1207", "1207_3": what squeue takes for one job, and no option of it.
bool is_job_id(const std::string& id) {
  return !id.empty() && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || c == '_' || c == '+';
  });
}

std::string first_line(const std::string& text) {
  return one_line(text.substr(0, text.find('\n')));
}

bool is_there(const fs::path& path) {
  std::error_code code;
  return !path.empty() && fs::exists(path, code);
}

DiscoveryVerdict stays(const DiscoveryTarget& target, std::string why) {
  return {.target = target, .goes = false, .why = std::move(why)};
}
DiscoveryVerdict goes(const DiscoveryTarget& target, std::string why) {
  return {.target = target, .goes = true, .why = std::move(why)};
}

// Of a run that ended without a clean end, or of which nothing can be seen: whether its job may
// still start it again. None: it will not.
std::optional<std::string> reason_to_wait_for(const std::optional<SlurmAnswer>& job) {
  if (!job) return std::nullopt;
  if (job->kind == SlurmAnswer::kKnown) return "Slurm knows its job: " + job->text;
  if (job->kind == SlurmAnswer::kSilent)
    return "Slurm does not say whether it knows its job: " + job->text;
  return std::nullopt;
}

DiscoveryVerdict judge_without_run(const DiscoveryTarget& target,
                                   const std::optional<SlurmAnswer>& job) {
  if (const auto wait = reason_to_wait_for(job)) return stays(target, *wait);
  if (job && job->kind == SlurmAnswer::kNotKnown)
    return goes(target, "Slurm does not know its job any more, and its run directory is not there");
  return stays(target, "its run directory is not there, and nothing else tells whether it is over");
}

// It may have been started again since it was judged.
bool is_running_now(const DiscoveryTarget& target) {
  return !target.run_dir.empty() &&
         look_at_lock(fs::path(target.run_dir) / "lock", unix_seconds()).is_held;
}

void delete_file(const fs::path& file) {
  if (::unlink(file.c_str()) == 0 || errno == ENOENT) return;
  throw UsageError(with_errno("cannot delete it", errno), file.string(), "check its permissions");
}

}  // namespace

SlurmAnswer ask_squeue(const std::string& job_id) {
  if (!is_job_id(job_id))
    return {.kind = SlurmAnswer::kSilent, .text = "'" + one_line(job_id) + "' is no job's number"};
  const ProgramOutput said =
      run_program({"squeue", "--noheader", "--jobs", job_id, "--format", "%T"}, kPatienceSeconds);
  if (!said.found) return {.kind = SlurmAnswer::kNoSlurm, .text = "there is no squeue here"};
  if (said.timed_out)
    return {.kind = SlurmAnswer::kSilent,
            .text = text("squeue did not answer within %.0f s", kPatienceSeconds)};
  // What it says of a number that it has forgotten.
  if (said.err.find("Invalid job id") != std::string::npos)
    return {.kind = SlurmAnswer::kNotKnown, .text = ""};
  if (said.code != 0)
    return {.kind = SlurmAnswer::kSilent, .text = "squeue: " + first_line(said.err)};
  const std::string state = first_line(said.out);
  if (state.empty()) return {.kind = SlurmAnswer::kNotKnown, .text = ""};
  return {.kind = SlurmAnswer::kKnown, .text = state};
}

DiscoveryVerdict judge_discovery(const DiscoveryTarget& target, const std::optional<RunStatus>& run,
                                 const std::optional<SlurmAnswer>& job, double now,
                                 double grace_seconds) {
  if (!run) return judge_without_run(target, job);
  const std::string state = "the run is " + phase_name(run->phase);
  switch (run->phase) {
    case RunPhase::kRunning:
      return stays(target, state);
    case RunPhase::kDone:
    case RunPhase::kStopped:
      return goes(target, state);
    case RunPhase::kPending:
    case RunPhase::kFailed:
    case RunPhase::kLost:
      break;
  }
  if (const auto wait = reason_to_wait_for(job)) return stays(target, state + ", and " + *wait);
  const double silent = now - run->updated_unix_seconds;
  if (run->updated_unix_seconds > 0 && silent < grace_seconds)
    return stays(target, state + ", its last sign of life came " + age_text(silent) + " ago");
  const bool is_forgotten = job && job->kind == SlurmAnswer::kNotKnown;
  return goes(target, state + (is_forgotten ? ", and Slurm does not know its job any more" : ""));
}

DiscoverySweep sweep_discovery(const DiscoverySweepOptions& options, const AskSlurm& ask) {
  std::error_code code;
  if (!fs::is_directory(options.folder, code))
    throw UsageError("there is no such folder", options.folder.string(),
                     "name the folder that Prometheus' file_sd_configs reads");
  DiscoveryFolder found = read_discovery(options.folder);
  DiscoverySweep sweep;
  sweep.left_out = std::move(found.left_out);
  for (const DiscoveryTarget& target : found.targets) {
    std::optional<RunStatus> run;
    if (is_there(target.run_dir)) run = read_run_status(target.run_dir);
    std::optional<SlurmAnswer> job;
    if (!target.slurm_job_id.empty()) job = ask(target.slurm_job_id);
    sweep.has_slurm = sweep.has_slurm || (job && job->kind != SlurmAnswer::kNoSlurm);
    DiscoveryVerdict verdict =
        judge_discovery(target, run, job, unix_seconds(), options.grace_seconds);
    if (verdict.goes && is_running_now(target)) verdict = stays(target, "it has just been started");
    if (verdict.goes && !options.dry_run) delete_file(target.file);
    sweep.verdicts.push_back(std::move(verdict));
  }
  return sweep;
}

}  // namespace catamaran
