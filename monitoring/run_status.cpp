#include "monitoring/run_status.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "monitoring/run_files.h"
#include "support/clock.h"
#include "support/exit_code.h"
#include "support/json.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kStepsOfMeans = 20;     // the newest, for images a second and data wait
constexpr size_t kEvaluationsRead = 64;  // for the best, where no checkpoint tells it
constexpr const char* kAgain = "; submit it again";

constexpr std::array<std::pair<RunPhase, const char*>, 6> kPhases = {{
    {RunPhase::kPending, "pending"},
    {RunPhase::kRunning, "running"},
    {RunPhase::kStopped, "stopped"},
    {RunPhase::kFailed, "failed"},
    {RunPhase::kLost, "lost"},
    {RunPhase::kDone, "done"},
}};

std::string text_of(const json& object, const char* key) {
  return printable(json_value_or<std::string>(object, key, ""));
}
// One that no run can have is none: sums and differences stay whole.
int64_t whole_of(const json& object, const char* key) {
  constexpr int64_t kMost = 1'000'000'000'000'000;
  const auto value = json_value_or<int64_t>(object, key, 0);
  return value >= -kMost && value <= kMost ? value : 0;
}
double number_of(const json& object, const char* key) {
  const double value = json_value_or<double>(object, key, 0);
  return std::isfinite(value) ? value : 0;
}
json object_of(const json& object, const char* key) {
  return json_value_or<json>(object, key, json());
}
// A number that a step's line has as null is not finite.
double figure_of(const json& line, const char* key) {
  return line.contains(key) && line.at(key).is_null() ? std::nan("") : number_of(line, key);
}

// Of the newest start; null where there is none.
json newest_life(const RunFiles& files) {
  return files.lives.empty() ? json() : files.lives.back();
}

// The error that a start ended with, by its own word; null without one.
json last_word(const RunFiles& files) {
  const auto line = std::find_if(files.log.rbegin(), files.log.rend(),
                                 [](const json& entry) { return entry.contains("kind"); });
  return line == files.log.rend() ? json() : *line;
}

std::optional<int> code_of_kind(const std::string& kind) {
  const std::optional<ErrorKind> known = kind_named(kind);
  return known ? std::optional(exit_code(*known)) : std::nullopt;
}

// Of the rank whose own error it was; communication where none has one: a rank was lost.
std::optional<int> code_of_failure(const json& failure) {
  std::string kind = kind_name(ErrorKind::kCommunication);
  for (const json& rank : json_value_or<json>(failure, "ranks", json::array())) {
    if (text_of(rank, "state") == "failed" &&
        !json_value_or<bool>(rank, "error_of_communication", true))
      kind = json_value_or<std::string>(rank, "error_kind", kind);
  }
  return code_of_kind(kind);
}

// How the newest start of a sweep's point ended, by the process that watched it: also one that
// never came to write anything. None where it did not fail.
std::optional<int> failed_outcome(const RunFiles& files) {
  const int64_t code = whole_of(files.outcome, "code");
  const bool has_failed = text_of(files.outcome, "state") == "ended" && code != kExitDone &&
                          code != kExitStopped && code > 0 && code < 256;
  return has_failed ? std::optional(static_cast<int>(code)) : std::nullopt;
}

void fail(RunStatus& status, const std::string& reason, std::optional<int> code) {
  status.phase = RunPhase::kFailed;
  status.reason = reason.empty() ? "it does not say why" : reason;
  status.exit_code = code;
}

void fail_by_outcome(const RunFiles& files, int code, RunStatus& status) {
  const std::string reason = text_of(files.outcome, "reason");
  fail(status, reason.empty() ? text("it ended with code %d", code) : reason, code);
}

// Whether the job that has the lock is another than that of the newest life: a start that has not
// written its entry yet.
bool is_new_start(const RunFiles& files, const json& life) {
  const std::optional<LockHolder> holder = lock_holder(files.lock.holder);
  return !holder || whole_of(life, "process") != holder->process;
}

void judge_ended(const json& ended, RunStatus& status) {
  const std::string reason = text_of(ended, "reason");
  if (reason == "done") {
    status.phase = RunPhase::kDone;
    status.exit_code = kExitDone;
    return;
  }
  status.phase = RunPhase::kStopped;
  status.exit_code = kExitStopped;
  status.reason = (reason.empty() ? "stopped" : reason) +
                  text(" at step %ld", whole_of(ended, "step")) + kAgain;
}

// Nobody has its lock.
void judge_idle(const RunFiles& files, const json& life, RunStatus& status) {
  const json ended = object_of(life, "ended");
  const json word = last_word(files);
  const double word_at = number_of(word, "time");
  const bool has_failure = files.failure.is_object() &&
                           json_value_or<std::string>(files.failure, "start", "") ==
                               json_value_or<std::string>(life, "id", "") &&
                           !text_of(files.failure, "cause").empty();
  // A start that was refused before it had an entry is newer than what the newest entry says.
  const double told_at = ended.is_object() ? number_of(ended, "unix_seconds")
                         : has_failure     ? files.failure_unix_seconds
                                           : number_of(life, "started_unix_seconds") - 1;
  if (word.is_object() && word_at > told_at + (has_failure ? 1 : 0)) {
    fail(status, text_of(word, "message"), code_of_kind(text_of(word, "kind")));
  } else if (ended.is_object()) {
    judge_ended(ended, status);
  } else if (has_failure) {
    fail(status, text_of(files.failure, "cause"), code_of_failure(files.failure));
  } else if (const json failure = object_of(life, "failure"); failure.is_object()) {
    fail(status, text_of(failure, "cause"), code_of_kind(text_of(failure, "kind")));
  } else if (const std::optional<int> code = failed_outcome(files);
             code &&
             number_of(files.outcome, "unix_seconds") >= number_of(life, "started_unix_seconds")) {
    fail_by_outcome(files, *code, status);
  } else {
    status.phase = RunPhase::kLost;
    status.reason = std::string("killed, or its node was lost, without a word") + kAgain;
  }
}

void judge(const RunFiles& files, RunStatus& status) {
  const json life = newest_life(files);
  const json ended = object_of(life, "ended");
  if (files.lock.is_held && (!ended.is_object() || is_new_start(files, life))) {
    status.phase = RunPhase::kRunning;
  } else if (files.lock.is_held) {  // its last moments
    judge_ended(ended, status);
  } else if (!life.is_null()) {
    judge_idle(files, life, status);
  } else if (const json word = last_word(files); word.is_object()) {
    fail(status, text_of(word, "message"), code_of_kind(text_of(word, "kind")));
  } else if (const std::optional<int> code = failed_outcome(files)) {
    fail_by_outcome(files, *code, status);
  } else if (!files.steps.empty() || !files.latest.empty()) {
    status.phase = RunPhase::kLost;  // its manifest is gone
    status.reason = "it does not say how its newest start ended";
  }
}

void tell_start(const RunFiles& files, RunStatus& status) {
  const json life = newest_life(files);
  const json hosts = object_of(life, "hosts");
  if (hosts.is_array() && !hosts.empty() && hosts.front().is_string())
    status.host = printable(hosts.front().get<std::string>());
  const std::optional<LockHolder> holder = lock_holder(files.lock.holder);
  if (files.lock.is_held && holder && is_new_start(files, life))
    status.host = printable(holder->host);
  status.user = text_of(life, "user");
  status.job_id = text_of(life, "job_id");
  // One that waits in the queue, or whose start has no entry yet.
  if (number_of(files.submitted, "submitted_unix_seconds") >
      number_of(life, "started_unix_seconds"))
    status.job_id = text_of(files.submitted, "job_id");
  status.world = whole_of(life, "world");
  status.restarts = std::max<int64_t>(0, std::ssize(files.lives) - 1);
}

// Of the newest life, by its own word, else by what its configuration says.
int64_t tell_plan(const RunFiles& files, RunStatus& status) {
  const json life = newest_life(files);
  status.total_steps = whole_of(life, "total_steps");
  status.global_batch = whole_of(life, "global_batch");
  int64_t steps_per_epoch = whole_of(life, "steps_per_epoch");
  if (status.total_steps > 0 && status.global_batch > 0 && steps_per_epoch > 0)
    return steps_per_epoch;
  const std::optional<RunPlan> plan = read_run_plan(status.folder);
  const int64_t images = whole_of(object_of(life, "train_pack"), "images");
  if (!plan || plan->global_batch <= 0) return steps_per_epoch;
  constexpr int64_t kMost = 1'000'000'000;  // of each: the product stays whole
  status.global_batch = plan->global_batch;
  steps_per_epoch = std::clamp<int64_t>(images / plan->global_batch, 0, kMost);
  status.total_steps = steps_per_epoch * std::clamp<int64_t>(plan->epochs, 0, kMost);
  if (plan->max_steps > 0 && (plan->max_steps < status.total_steps || status.total_steps == 0))
    status.total_steps = plan->max_steps;
  return steps_per_epoch;
}

// Seconds from step to step, evaluations and checkpoints between them included where the steady
// clock of one process tells; 0: not known.
double seconds_per_step(const std::vector<json>& steps) {
  if (steps.empty()) return 0;
  const auto made =
      static_cast<double>(whole_of(steps.back(), "step") - whole_of(steps.front(), "step"));
  const double passed =
      number_of(steps.back(), "steady_seconds") - number_of(steps.front(), "steady_seconds");
  if (made > 0 && passed > 0) return passed / made;
  double sum = 0;
  for (const json& line : steps) sum += number_of(line, "step_seconds");
  return sum / static_cast<double>(steps.size());
}

void tell_steps(const RunFiles& files, RunStatus& status) {
  const json life = newest_life(files);
  const int64_t first = whole_of(life, "first_step");
  status.step = std::max(first, whole_of(object_of(life, "ended"), "step"));
  if (files.steps.empty()) return;
  const json& newest = files.steps.back();
  status.step = std::max(status.step, whole_of(newest, "step"));
  status.epoch = whole_of(newest, "epoch");
  status.loss = figure_of(newest, "loss");
  status.learning_rate = figure_of(newest, "learning_rate");
  double images = 0, waited = 0, seconds = 0;
  const size_t count = std::min(files.steps.size(), kStepsOfMeans);
  for (auto line = files.steps.end() - static_cast<std::ptrdiff_t>(count);
       line != files.steps.end(); ++line) {
    images += number_of(*line, "images");
    waited += number_of(*line, "data_wait_seconds");
    seconds += number_of(*line, "step_seconds");
  }
  if (seconds > 0) {
    status.images_per_second = images / seconds;
    status.data_wait_ratio = waited / seconds;
  }
  if (status.phase != RunPhase::kRunning || status.total_steps <= status.step) return;
  std::vector<json> own = files.steps;  // of this life: clocks of hosts differ
  std::erase_if(own, [&](const json& line) { return whole_of(line, "step") <= first; });
  const double each = seconds_per_step(own.empty() ? files.steps : own);
  const double eta = each * static_cast<double>(status.total_steps - status.step);
  constexpr double kLongestEta = 1e10;
  if (eta > 0 && eta < kLongestEta) status.eta_seconds = eta;
}

void tell_checkpoint(const RunFiles& files, RunStatus& status) {
  if (files.latest.empty()) return;
  status.checkpoint_step = std::stoll(files.latest.substr(std::string("step-").size()));
  status.checkpoint_unix_seconds = files.checkpoint_unix_seconds;
}

void tell_evaluations(const RunFiles& files, int64_t steps_per_epoch, RunStatus& status) {
  const double told = json_value_or<double>(files.checkpoint, "best_map", -1);
  const size_t most = told >= 0 ? 2 : kEvaluationsRead;
  const std::vector<RunEvaluation> evaluations =
      read_run_evaluations(status.folder, steps_per_epoch, most, status.problems);
  if (told >= 0) status.best_map = told;
  if (!evaluations.empty()) status.map = evaluations.front().map;
  for (const RunEvaluation& evaluation : evaluations)
    status.best_map = std::max(status.best_map.value_or(evaluation.map), evaluation.map);
}

// When a life had its last sign of life; the newest one's is the run's.
double end_of_life(const RunFiles& files, size_t index, const RunStatus& status) {
  const json& life = files.lives[index];
  const double started = number_of(life, "started_unix_seconds");
  if (const double ended = number_of(object_of(life, "ended"), "unix_seconds"); ended > 0)
    return ended;
  if (const double seen = number_of(life, "last_seen_unix_seconds"); seen > 0) return seen;
  if (index + 1 < files.lives.size()) return started;  // nobody knows
  return status.phase == RunPhase::kRunning ? unix_seconds() : status.updated_unix_seconds;
}

void tell_times(const RunFiles& files, RunStatus& status) {
  status.updated_unix_seconds = files.changed_unix_seconds;
  if (files.lives.empty()) return;
  status.started_unix_seconds = number_of(files.lives.front(), "started_unix_seconds");
  for (size_t i = 0; i < files.lives.size(); ++i) {
    const double started = number_of(files.lives[i], "started_unix_seconds");
    if (started > 0) status.busy_seconds += std::max(0.0, end_of_life(files, i, status) - started);
  }
}

int64_t starts_without_progress(const RunFiles& files, const RunStatus& status) {
  int64_t count = 0;
  int64_t reached = status.checkpoint_step;  // by the start that is looked at
  for (auto life = files.lives.rbegin(); life != files.lives.rend(); ++life) {
    const int64_t first = whole_of(*life, "first_step");
    const bool runs = life == files.lives.rbegin() && status.phase == RunPhase::kRunning;
    if (reached > first || life->contains("ended")) break;
    if (!runs) ++count;
    reached = first;
  }
  return count;
}

void tell_failure(const RunFiles& files, RunStatus& status) {
  if (status.phase != RunPhase::kFailed) return;
  for (const json& host : json_value_or<json>(files.failure, "exclude_hosts", json::array())) {
    if (host.is_string()) status.exclude_hosts.push_back(printable(host.get<std::string>()));
  }
}

}  // namespace

std::string phase_name(RunPhase phase) {
  return std::ranges::find(kPhases, phase, &std::pair<RunPhase, const char*>::first)->second;
}

std::optional<RunPhase> phase_named(const std::string& name) {
  for (const auto& [phase, known] : kPhases) {
    if (name == known) return phase;
  }
  return std::nullopt;
}

RunStatus read_run_status(const fs::path& run) {
  RunFiles files = read_run_files(run);
  RunStatus status;
  status.folder = run;
  status.name = printable(files.name);
  status.problems = std::move(files.problems);
  judge(files, status);
  tell_start(files, status);
  const int64_t steps_per_epoch = tell_plan(files, status);
  tell_steps(files, status);
  tell_checkpoint(files, status);
  tell_evaluations(files, steps_per_epoch, status);
  tell_times(files, status);
  status.starts_without_progress = starts_without_progress(files, status);
  tell_failure(files, status);
  return status;
}

std::vector<RunStatus> read_run_statuses(const std::vector<fs::path>& runs) {
  std::vector<RunStatus> statuses;
  statuses.reserve(runs.size());
  for (const fs::path& run : runs) statuses.push_back(read_run_status(run));
  return statuses;
}

}  // namespace catamaran
