// RunStatus: what a run directory alone tells about a run: how far it is, what it does or why it
// ended, how to go on. `status`, `watch`, sweep tables and reports show it; no process is asked.
//
//   const RunStatus status = read_run_status("runs/a");
//   status.phase == RunPhase::kStopped;  // status.reason: "signal at step 200; submit it again"
//
// Reads manifest.json, the ends of metrics.jsonl and log.jsonl, eval/*.json, checkpoints/latest,
// failure.json, lock, and what `submit` and sweeps leave there (submitted.json, outcome.json), each
// with a bound, and writes nothing. What is missing or damaged becomes
// a sentence in `problems`, never an error: a folder is listed as it is. Whether a job has the run
// is what its lock says (support/lock_holder.h): at once for jobs of this host, and wherever locks
// of other hosts are seen; elsewhere within about 40 seconds. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace catamaran {

enum class RunPhase {
  kPending,  // a folder that a sweep or `submit` has made, and no start yet
  kRunning,  // its lock is held, or its heartbeat is fresh
  kStopped,  // by a signal or a time limit, with a checkpoint: submit it again
  kFailed,   // it ended by itself with a reason: failure.json, a life's end, or its log's last word
  kLost,     // no job has it, and nothing says why: killed, or its node was lost
  kDone,     // all steps are done
};
std::string phase_name(RunPhase phase);  // pending running stopped failed lost done
std::optional<RunPhase> phase_named(const std::string& name);

struct RunStatus {
  std::filesystem::path folder;
  std::string name;
  RunPhase phase = RunPhase::kPending;
  std::string reason;  // of the newest stop, failure or loss, one sentence; empty: there is none
  std::string host, user, job_id;  // of the newest start, or submission; job_id: Slurm's, or ""
  int64_t step = 0, total_steps = 0, epoch = 0;  // total_steps 0: not known yet
  int64_t world = 0, global_batch = 0;
  double loss = 0, learning_rate = 0, images_per_second = 0, data_wait_ratio = 0;  // 0: no step yet
  std::optional<double> map, best_map;  // ratios, of the newest and the best evaluation
  std::optional<double> eta_seconds;    // of a run that runs
  double updated_unix_seconds = 0;      // newest sign of life; 0: none
  double started_unix_seconds = 0;      // of the first start; 0: none
  double busy_seconds = 0;              // sum over its lives
  int64_t checkpoint_step = -1;         // of checkpoints/latest; -1: none
  double checkpoint_unix_seconds = 0;
  int64_t restarts = 0;                 // starts after the first
  int64_t starts_without_progress = 0;  // the newest that ended without a new checkpoint, in a row
  std::optional<int> exit_code;         // of the newest life, where it is known
  std::vector<std::string> exclude_hosts;  // bad nodes that failure.json names
  std::vector<std::string> problems;       // "runs/a/failure.json: not valid JSON: ..."
};

RunStatus read_run_status(const std::filesystem::path& run);
// In the order given.
std::vector<RunStatus> read_run_statuses(const std::vector<std::filesystem::path>& runs);

}  // namespace catamaran
