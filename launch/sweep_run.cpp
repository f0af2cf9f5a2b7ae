#include "launch/sweep_run.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "comm/device_binding.h"
#include "launch/child_process.h"
#include "launch/config.h"
#include "launch/exit_code.h"
#include "launch/sweep_shares.h"
#include "launch/sweep_table.h"
#include "support/clock.h"
#include "support/environment.h"
#include "support/error.h"
#include "support/log.h"
#include "support/progress.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr timespec kASecond{.tv_sec = 1, .tv_nsec = 0};
constexpr double kSecondsBetweenNews = 60;
constexpr double kLeastSeconds = 30;  // that a point needs to start, step and save
constexpr int kExitInterruptedTwice = 130;

struct Running {
  int64_t index = 0;
  int64_t until = 0;
  size_t slot = 0;
  Stopwatch since_start;
};

std::vector<std::string> words_at(const std::string& list) {
  std::vector<std::string> words = {""};
  for (const char c : list) {
    if (c == ',') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

// What CUDA_VISIBLE_DEVICES names of this process's GPUs, in CUDA's order.
std::vector<std::string> gpu_names() {
  const size_t count = visible_devices().pci_bus_ids.size();
  const std::string chosen = recorded_variable("CUDA_VISIBLE_DEVICES");
  std::vector<std::string> names;
  if (!chosen.empty()) names = words_at(chosen);
  if (chosen.empty())
    for (size_t g = 0; g < count; ++g) names.push_back(std::to_string(g));
  names.resize(std::min(names.size(), count));
  return names;
}

// A pack that is not there would fail every point, one after the other.
void require_packs(const SweepPlan& plan) {
  std::string missing;
  std::error_code code;
  for (const std::string& pack : plan.packs) {
    if (!fs::exists(fs::path(pack) / "pack.json", code))
      missing += (missing.empty() ? "" : ", ") + pack;
  }
  if (missing.empty()) return;
  throw UsageError("there is no pack at " + missing, plan.file.string(),
                   "make it with `catamaran pack`, or name another: --set data.train=PACK");
}

void require_jobs(const SweepPlan& plan, int64_t jobs) {
  if (plan.max_parallel == 0 || jobs <= plan.max_parallel) return;
  throw UsageError(text("%ld points at once are more than the sweep's max_parallel = %ld", jobs,
                        plan.max_parallel),
                   "--jobs", text("set it to %ld or less", plan.max_parallel));
}

class SweepRunner {
 public:
  SweepRunner(const SweepPlan& plan, const SweepRunOptions& options, const ProgramStart& start)
      : options_(options),
        lock_(lock_sweep(plan)),
        ready_(prepare_sweep(plan, options.failed, lock_)) {
    const std::string job_end = recorded_variable(kJobEndVariable);
    deadline_ =
        find_deadline(options.max_seconds, job_end.empty() ? nullptr : job_end.c_str(), start);
    free_slots_.reserve(static_cast<size_t>(options.jobs));
    for (int64_t slot = options.jobs - 1; slot >= 0; --slot)
      free_slots_.push_back(static_cast<size_t>(slot));
    if (options.jobs > 1) cores_ = share_cores(own_cores(), options.jobs);
    if (options.jobs > 1 && wants_gpus()) share_the_gpus();
    std::error_code code;
    self_ = fs::read_symlink("/proc/self/exe", code);
    if (code) self_ = "catamaran";
  }

  int run() {
    announce();
    handle(signals_.next_within(timespec{}));  // of the time that preparing took
    while (true) {
      start_what_fits();
      if (running_.empty()) break;
      handle(signals_.next_within(kASecond));
      reap();
      tell_progress();
    }
    return summarize();
  }

 private:
  const SweepPlan& plan() const { return ready_.plan; }
  const SweepPoint& point(int64_t index) const {
    return ready_.plan.points[static_cast<size_t>(index)];
  }
  const PointState& state(int64_t index) const {
    return ready_.state.points[static_cast<size_t>(index)];
  }
  int64_t count(PointPhase phase) const {
    return std::ranges::count(ready_.state.points, phase, &PointState::phase);
  }
  int64_t finished() const { return count(PointPhase::kDone) + count(PointPhase::kPruned); }

  // The CPU's by name, or there is none.
  bool wants_gpus() const {
    if (ready_.open.empty()) return false;
    const fs::path config = point(ready_.open.front()).folder / kPointConfig;
    const std::string backend = resolve_config(config, {}).options.comm.backend;
    return backend != "mpi" && backend != "node";
  }
  void share_the_gpus() {
    const std::vector<std::string> names = gpu_names();
    if (!names.empty())
      gpus_ = share_gpus(names, options_.jobs, std::max<int64_t>(1, options_.ranks));
  }

  void announce() const {
    const int64_t all = std::ssize(plan().points);
    log::info(text("sweep %s: %ld points in %s, %zu to train, %ld at once", plan().name.c_str(),
                   all, plan().out.c_str(), ready_.open.size(), options_.jobs));
    for (const std::string& sentence : plan().duplicates) log::warn("left out: " + sentence);
    for (const std::string& problem : ready_.state.problems) log::warn(problem);
    if (const int64_t others = count(PointPhase::kRunning); others > 0)
      log::info(text("%ld points are being trained by others, and are left to them", others));
    int64_t given_up = 0;
    for (const PointState& one : ready_.state.points)
      given_up += one.phase == PointPhase::kFailed && !is_open(one, options_.failed) ? 1 : 0;
    if (given_up > 0)
      log::info(
          text("%ld points have failed %ld times in a row and are left alone: --retry-failed "
               "takes them on",
               given_up, kFailuresToSkip));
  }

  bool is_late() const {
    return deadline_ && deadline_->steady_seconds - steady_seconds() < kLeastSeconds;
  }

  // The one at the lowest rung, so that the others there need not wait.
  std::optional<int64_t> next_point() const {
    std::optional<int64_t> best;
    for (const SweepPoint& one : plan().points) {
      const PointState& here = state(one.index);
      if (!is_open(here, options_.failed) || started_.contains({one.index, here.until})) continue;
      if (!best || here.rung < state(*best).rung) best = one.index;
    }
    return best;
  }

  void start_what_fits() {
    while (!stop_ && !free_slots_.empty()) {
      const std::optional<int64_t> next = next_point();
      if (!next) return;
      if (is_late()) {
        stop_ = true;
        log::info("the time is nearly up (" + deadline_->set_by +
                  "): no point is started any more");
        return;
      }
      start(*next);
    }
  }

  std::vector<std::string> command(int64_t index, size_t slot) const {
    std::vector<std::string> words;
    if (slot < gpus_.size()) words = {"env", "CUDA_VISIBLE_DEVICES=" + gpus_[slot]};
    words.insert(words.end(),
                 {self_.string(), "sweep", "train", ready_.file.string(), "--index",
                  std::to_string(index), "--until", std::to_string(state(index).until)});
    if (options_.ranks > 0) words.insert(words.end(), {"--ranks", std::to_string(options_.ranks)});
    if (deadline_) {
      const double left = std::max(1.0, deadline_->steady_seconds - steady_seconds());
      words.insert(words.end(), {"--max-time", text("%.0fs", left)});
    }
    if (options_.failed == FailedPoints::kAll && state(index).phase == PointPhase::kFailed)
      words.emplace_back("--retry-failed");
    return words;
  }

  void start(int64_t index) {
    const size_t slot = free_slots_.back();
    const ChildCommand child{.command = command(index, slot),
                             .output = point(index).folder / "output.log",
                             .cores = slot < cores_.size() ? cores_[slot] : std::vector<int>(),
                             .option = "sweep run",
                             .hint = "is the program still where it was?"};
    const pid_t process = start_child(child, signals_);
    free_slots_.pop_back();
    const int64_t until = state(index).until;
    started_.insert({index, until});
    running_.emplace(process, Running{index, until, slot, Stopwatch()});
    ready_.state.points[static_cast<size_t>(index)].phase = PointPhase::kRunning;
    log::info(text("point %ld begins%s: %s (%s)", index,
                   until > 0 ? text(" up to step %ld", until).c_str() : "",
                   values_text(point(index)).c_str(), child.output.c_str()));
  }

  void handle(int signal) {
    if (signal == 0 || signal == SIGCHLD) return;
    if (signal == SIGINT && ++interrupts_ > 1) {
      log::warn("ending all points at once");
      for (const auto& [process, one] : running_) ::kill(-process, SIGKILL);
      return;
    }
    if (!signalled_)
      log::info("asking the points to stop with a checkpoint; a second Ctrl-C ends them at once");
    stop_ = true;
    signalled_ = true;
    for (const auto& [process, one] : running_) ::kill(process, SIGUSR1);
  }

  void reap() {
    for (auto at = running_.begin(); at != running_.end();) {
      int status = 0;
      if (::waitpid(at->first, &status, WNOHANG) != at->first) {
        ++at;
        continue;
      }
      const Running one = at->second;
      at = running_.erase(at);
      free_slots_.push_back(one.slot);
      ended(one, exit_code_of(status));
    }
  }

  void ended(const Running& one, int code) {
    read_point_again(plan(), point(one.index), ready_.state);
    const PointState& here = state(one.index);
    const std::string took = format_duration(one.since_start.seconds());
    const std::string value =
        here.value ? ", " + plan().metric + " " + value_text(plan().metric, *here.value) : "";
    const std::string why = here.reason.empty() ? "" : " (" + here.reason + ")";
    const std::string line = text("point %ld is %s%s after %s%s; %ld of %zu finished", one.index,
                                  phase_name(here.phase).c_str(), why.c_str(), took.c_str(),
                                  value.c_str(), finished(), plan().points.size());
    const bool is_good = code == kExitDone || code == kExitStopped || stop_;
    if (is_good) {
      log::info(line);
    } else {
      log::warn(line + text(", exit code %d", code));
    }
    const size_t decided = ready_.state.rungs.rungs.size();
    if (settle_rungs(plan(), ready_.state)) tell_rungs(decided);
  }

  void tell_rungs(size_t from) const {
    for (size_t r = from; r < ready_.state.rungs.rungs.size(); ++r) {
      const Rung& rung = ready_.state.rungs.rungs[r];
      log::info(text("rung %zu, %g of the steps: %zu of %zu points go on", r + 1, rung.share,
                     rung.kept.size(), rung.compared.size()));
    }
  }

  void tell_progress() {
    if (since_news_.seconds() < kSecondsBetweenNews || running_.empty()) return;
    since_news_.lap();
    std::string all;
    for (const auto& [process, one] : running_) {
      SweepState now = ready_.state;
      read_point_again(plan(), point(one.index), now);
      const int64_t to = one.until > 0 ? one.until : point(one.index).steps;
      all += (all.empty() ? "" : ", ") +
             text("%ld at step %ld", one.index, now.points[static_cast<size_t>(one.index)].step) +
             (to > 0 ? text(" of %ld", to) : "");
    }
    log::info(text("%ld of %zu points finished; running: %s", finished(), plan().points.size(),
                   all.c_str()));
  }

  int summarize() {
    log::info("sweep " + plan().name + ": " + counts_text(ready_.state));
    const std::string failures = failures_text(plan(), ready_.state);
    for (size_t at = 0; at < failures.size();) {
      const size_t end = failures.find('\n', at);
      log::error(failures.substr(at, end - at));
      at = end == std::string::npos ? failures.size() : end + 1;
    }
    if (interrupts_ > 1) return kExitInterruptedTwice;
    if (signalled_) {
      log::info("the same command goes on from here");
      return kExitStopped;
    }
    if (!failures.empty()) return kExitSweepFailed;
    return finished() == std::ssize(plan().points) ? kExitDone : kExitStopped;
  }

  const HeldSignals signals_;  // before a lock's heartbeat or CUDA may have threads
  SweepRunOptions options_;
  RunLock lock_;
  PreparedSweep ready_;
  std::optional<Deadline> deadline_;
  fs::path self_;
  std::vector<std::vector<int>> cores_;  // by slot; none: all cores
  std::vector<std::string> gpus_;        // by slot; none: as they are
  std::vector<size_t> free_slots_;
  std::map<pid_t, Running> running_;
  std::set<std::pair<int64_t, int64_t>> started_;  // index, until: each once
  bool stop_ = false;
  bool signalled_ = false;
  int interrupts_ = 0;
  Stopwatch since_news_;
};

}  // namespace

int run_sweep(const SweepPlan& plan, const SweepRunOptions& options, const ProgramStart& start) {
  require_jobs(plan, options.jobs);
  if (options.ranks > 0) require_ranks(plan, options.ranks);
  require_packs(plan);
  return SweepRunner(plan, options, start).run();
}

}  // namespace catamaran
