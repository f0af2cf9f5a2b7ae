// list, verify and prune of trainer/checkpoint_tools_api.h.
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "support/atomic_file.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text.h"
#include "trainer/checkpoint.h"
#include "trainer/checkpoint_match.h"
#include "trainer/checkpoint_tools_api.h"
#include "trainer/run_lock.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr double kSecondsBeforeProgress = 5;

fs::path checkpoints_of_run(const fs::path& run) {
  std::error_code code;
  if (fs::is_directory(run / "checkpoints", code)) return run / "checkpoints";
  throw UsageError("is no run directory: it has no folder checkpoints", run.string(),
                   "name the --run-dir of a training run");
}

// What can be counted; files may vanish meanwhile.
int64_t bytes_below(const fs::path& path) {
  std::error_code code;
  if (!fs::is_directory(fs::symlink_status(path, code))) {
    const std::uintmax_t bytes = fs::file_size(path, code);
    return code ? 0 : static_cast<int64_t>(bytes);
  }
  int64_t bytes = 0;
  for (auto at = fs::recursive_directory_iterator(path, code);
       !code && at != fs::recursive_directory_iterator(); at.increment(code)) {
    std::error_code gone;
    if (!at->is_regular_file(gone)) continue;
    const std::uintmax_t more = at->file_size(gone);
    if (!gone) bytes += static_cast<int64_t>(more);
  }
  return bytes;
}

double seconds_of_change(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return 0;
  return static_cast<double>(status.st_mtim.tv_sec) +
         1e-9 * static_cast<double>(status.st_mtim.tv_nsec);
}

// The newest state of the run that can be read, whether or not its files are whole.
std::optional<CheckpointState> newest_record(const fs::path& folder) {
  for (const fs::path& path : checkpoints_newest_first(folder, latest_checkpoint_name(folder))) {
    try {
      return read_checkpoint_record(path).state;
    } catch (const Error&) {  // list tells of it beside the checkpoint
      continue;
    }
  }
  return std::nullopt;
}

CheckpointSummary summary_of(const fs::path& checkpoint) {
  CheckpointSummary summary;
  summary.path = checkpoint;
  summary.step = step_of_checkpoint(checkpoint.filename().string()).value_or(0);
  summary.bytes = bytes_below(checkpoint);
  summary.written_seconds = seconds_of_change(checkpoint / "state.json");
  try {
    const CheckpointRecord record = read_checkpoint_record(checkpoint);
    summary.epoch = record.state.epoch;
    summary.step_in_epoch = record.state.step_in_epoch;
    require_files_that_match(checkpoint, record);
  } catch (const Error& problem) {
    summary.problem = problem.what();
  }
  return summary;
}

// Which folder it is: a run that trains on deletes checkpoints, and replaces one of the same step.
std::optional<std::pair<dev_t, ino_t>> folder_identity(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return std::pair(status.st_dev, status.st_ino);
}

std::string problem_of_checkpoint(const fs::path& checkpoint,
                                  const std::function<void(int64_t bytes)>& read) {
  try {
    const CheckpointRecord record = read_checkpoint_record(checkpoint);
    require_files_that_match(checkpoint, record);
    require_whole_files(checkpoint, record, read);
    return "";
  } catch (const Error& problem) {
    return problem.what();
  }
}

CheckpointVerdict verdict_of(const fs::path& checkpoint,
                             const std::function<void(int64_t bytes)>& read) {
  CheckpointVerdict verdict;
  verdict.path = checkpoint;
  verdict.bytes = bytes_below(checkpoint);
  auto before = folder_identity(checkpoint);
  while (before) {
    verdict.problem = problem_of_checkpoint(checkpoint, read);
    if (verdict.problem.empty()) return verdict;
    const auto after = folder_identity(checkpoint);
    if (after == before) return verdict;
    before = after;
  }
  verdict.problem.clear();
  verdict.is_gone = true;
  return verdict;
}

std::vector<fs::path> checkpoints_given(const std::vector<fs::path>& given) {
  std::vector<fs::path> all;
  for (const fs::path& written : given) {
    const fs::path path =
        checkpoint_by_name(written.has_filename() ? written : written.parent_path());
    std::error_code code;
    const bool is_one =
        fs::exists(path / "state.json", code) ||
        (step_of_checkpoint(path.filename().string()) && fs::is_directory(path, code));
    if (is_one) {
      all.push_back(path);
      continue;
    }
    if (!fs::is_directory(path / "checkpoints", code)) {
      throw UsageError("is neither a run directory nor a checkpoint", path.string(),
                       "name a run directory or one of its folders checkpoints/step-...");
    }
    const fs::path folder = path / "checkpoints";
    const std::vector<fs::path> of_run =
        checkpoints_newest_first(folder, latest_checkpoint_name(folder));
    if (of_run.empty()) {
      throw WeightsError("there is no checkpoint", folder.string(),
                         "name a run that has written one");
    }
    all.insert(all.end(), of_run.begin(), of_run.end());
  }
  return all;
}

// checkpoint.keep_every_epochs in steps, from any checkpoint past the first epoch: without one
// there is no end of an epoch to keep.
int64_t steps_between_kept(const fs::path& folder, int64_t epochs) {
  if (epochs == 0) return 0;
  for (const fs::path& path : checkpoints_newest_first(folder)) {
    try {
      const CheckpointState state = read_checkpoint_record(path).state;
      if (state.epoch > 0) return epochs * ((state.step - state.step_in_epoch) / state.epoch);
    } catch (const Error&) {  // another one tells it, too
      continue;
    }
  }
  return 0;
}

// What goes, and of how many; never what a resume would take.
std::vector<fs::path> checkpoints_to_prune(const fs::path& folder, const PruneRequest& request) {
  const std::optional<fs::path> newest = find_checkpoint(folder);
  if (!newest) return {};
  const CheckpointState state = read_checkpoint_record(*newest).state;
  const std::string latest = latest_checkpoint_name(folder);
  std::error_code code;
  const bool latest_is_there = !latest.empty() && fs::is_directory(folder / latest, code);
  const int64_t written = latest_is_there ? *step_of_checkpoint(latest) : state.step;
  const Retention retention = {
      .keep = request.keep,
      .keep_every_steps = steps_between_kept(folder, request.keep_every_epochs)};
  std::vector<fs::path> all = superseded_checkpoints(folder, retention, state.best_step, written);
  std::erase(all, *newest);
  return all;
}

}  // namespace

CheckpointList list_checkpoints(const fs::path& run) {
  const fs::path folder = checkpoints_of_run(run);
  const std::string latest = latest_checkpoint_name(folder);
  const std::optional<CheckpointState> newest = newest_record(folder);
  CheckpointList list;
  for (const fs::path& path : checkpoints_newest_first(folder)) {
    CheckpointSummary summary = summary_of(path);
    if (!folder_identity(path)) continue;  // deleted meanwhile by a run that trains on
    const std::string name = path.filename().string();
    summary.latest = name == latest;
    summary.abandoned = !latest.empty() && name > latest;
    summary.best = newest && newest->best_map >= 0 && newest->best_step == summary.step;
    if (summary.best) summary.map = newest->best_map;
    list.checkpoints.push_back(std::move(summary));
  }
  const std::vector<Temporary> stale = stale_temporaries(folder);
  for (const Temporary& temporary : temporaries_in(folder)) {
    const bool is_stale = std::ranges::any_of(
        stale, [&](const Temporary& one) { return one.path == temporary.path; });
    list.leftovers.push_back({.path = temporary.path,
                              .bytes = bytes_below(temporary.path),
                              .host = temporary.host,
                              .process = temporary.process,
                              .writer_is_gone = is_stale});
  }
  return list;
}

std::vector<CheckpointVerdict> verify_checkpoints(const std::vector<fs::path>& given) {
  const std::vector<fs::path> all = checkpoints_given(given);
  constexpr int kMebibyteBits = 20;
  int64_t total = 0;
  for (const fs::path& path : all) total += bytes_below(path);
  Progress progress("verifying", std::max<int64_t>(1, total >> kMebibyteBits), "MiB",
                    /*enabled=*/true, kSecondsBeforeProgress);
  int64_t done = 0;
  std::vector<CheckpointVerdict> verdicts;
  for (const fs::path& path : all) {
    verdicts.push_back(verdict_of(path, [&](int64_t bytes) {
      done += bytes;
      progress.set(done >> kMebibyteBits, path.filename().string());
    }));
  }
  return verdicts;
}

int64_t prune_checkpoints(const PruneRequest& request,
                          const std::function<void(const PrunedItem&)>& pruned) {
  const fs::path folder = checkpoints_of_run(request.run);
  const RunLock lock =
      lock_idle_run(request.run, request.dry_run ? RunLockFile::kLeaveAsItIs : RunLockFile::kSign);
  const std::vector<fs::path> old = checkpoints_to_prune(folder, request);
  std::vector<fs::path> all = old;
  for (const Temporary& temporary : leftovers_in(folder, lock)) {
    // One that was moved aside for another that never came is a checkpoint: the next start puts it
    // back.
    if (!temporary.aside || fs::exists(temporary.target)) all.push_back(temporary.path);
  }
  const int64_t staying = std::ssize(checkpoints_newest_first(folder)) - std::ssize(old);
  for (const fs::path& path : all) {
    const PrunedItem item = {.path = path, .bytes = bytes_below(path)};
    std::error_code code;
    if (!request.dry_run) fs::remove_all(path, code);
    if (code) {
      throw UsageError(with_errno("cannot delete it", code.value()), path.string(),
                       "check its permissions");
    }
    pruned(item);
  }
  return staying;
}

}  // namespace catamaran
