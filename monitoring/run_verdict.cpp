#include "monitoring/run_verdict.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "monitoring/html_text.h"
#include "monitoring/recorded_files.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr double kManySkipped = 0.01;   // of the logged steps
constexpr double kFarBelowBest = 0.01;  // mAP of the last evaluation, a ratio
constexpr double kMuchWaiting = 0.1;    // of a step, for data

class Findings {
 public:
  void good(const std::string& text) { found_.push_back({Trust::kGood, text}); }
  void caution(const std::string& text) { found_.push_back({Trust::kCaution, text}); }
  void bad(const std::string& text) { found_.push_back({Trust::kBad, text}); }
  std::vector<RunFinding> sorted() && {
    std::ranges::stable_sort(found_, std::ranges::greater(), &RunFinding::level);
    return std::move(found_);
  }

 private:
  std::vector<RunFinding> found_;
};

std::string counted(int64_t count, const char* one, const char* many) {
  return grouped(count) + " " + (count == 1 ? one : many);
}

std::string progress_of(const RunSummary& summary, const RunStatus& status) {
  if (status.total_steps > 0)
    return "step " + grouped(std::max(summary.steps, status.step)) + " of " +
           grouped(status.total_steps);
  return "step " + grouped(summary.steps);
}

// Of how the run stands now.
void add_state(const RunSummary& summary, const RunStatus& status, Findings& findings) {
  const std::string why = status.reason.empty() ? "" : ": " + status.reason;
  switch (status.phase) {
    case RunPhase::kDone:
      findings.good("finished: all steps are done");
      break;
    case RunPhase::kRunning:
      findings.caution("still running, at " + progress_of(summary, status));
      break;
    case RunPhase::kStopped:
      findings.caution("stopped at " + progress_of(summary, status) + why);
      break;
    case RunPhase::kFailed:
      findings.bad("failed at " + progress_of(summary, status) + why);
      break;
    case RunPhase::kLost:
      findings.bad("ended without a word at " + progress_of(summary, status) + why);
      break;
    case RunPhase::kPending:
      findings.caution("not started yet");
      break;
  }
  if (status.restarts == 0 && status.phase != RunPhase::kPending) findings.good("one start");
  if (status.restarts > 0)
    findings.good(counted(status.restarts, "restart", "restarts") +
                  ", each from a checkpoint, in the same order of images");
  if (status.starts_without_progress > 1)
    findings.caution("the newest " + std::to_string(status.starts_without_progress) +
                     " starts came no further");
}

void add_numerics(const RecordedRun& run, const RunSummary& summary, Findings& findings) {
  if (run.steps.empty()) return;
  if (!std::isfinite(run.steps.back().loss)) findings.bad("the newest loss is not a number");
  if (summary.skipped_steps == 0) {
    findings.good("no logged step was skipped");
    return;
  }
  const double share =
      static_cast<double>(summary.skipped_steps) / static_cast<double>(summary.logged_steps);
  const std::string text = counted(summary.skipped_steps, "step", "steps") + " of " +
                           grouped(summary.logged_steps) + " logged skipped (" +
                           grouped(summary.skipped_steps - summary.spikes) + " not finite, " +
                           counted(summary.spikes, "spike", "spikes") + ")";
  if (share > kManySkipped) {
    findings.bad(text);
  } else {
    findings.caution(text);
  }
}

void add_evaluation(const RecordedRun& run, const RunStatus& status, Findings& findings) {
  const RecordedEvaluation* best = run.best();
  if (best == nullptr) {
    if (status.phase == RunPhase::kPending) return;
    if (status.phase == RunPhase::kRunning) {
      findings.caution("not evaluated yet");
    } else {
      findings.bad("never evaluated");
    }
    return;
  }
  findings.good("evaluated " + counted(std::ssize(run.evaluations), "time", "times") + " on " +
                counted(best->images, "image", "images") + ", protocol " + best->protocol);
  const double below = best->map - run.evaluations.back().map;
  if (below > kFarBelowBest)
    findings.caution("the last evaluation is " + fixed(100 * below, 1) +
                     " points below the best: take checkpoints/best, or train for less time");
  std::set<std::string> protocols;
  for (const RecordedEvaluation& e : run.evaluations) protocols.insert(e.protocol);
  if (protocols.size() > 1) findings.bad("its evaluations are of different protocols");
}

// What a start was allowed to do, or did, that changes what its numbers mean.
void add_starts(const RecordedRun& run, Findings& findings) {
  if (!run.manifest.is_object()) return;
  const json lives = run.manifest.value("lives", json::array());
  std::set<std::string> versions, changed;
  bool overlap = false, partial = false, taken = false;
  for (const json& life : lives) {
    versions.insert(text_in(life, "version") + " " + text_in(life, "git"));
    overlap = overlap || flag_in(life, "allow_overlap", false);
    taken = taken || !text_in(life, "lock_taken_from").empty();
    if (!life.is_object()) continue;
    partial = partial || flag_in(life.value("weights", json()), "allow_partial", false);
    const json changes = life.value("changed_at_resume", json::object());
    for (const auto& [key, change] : changes.items()) changed.insert(key);
  }
  if (overlap)
    findings.bad("images may be in both packs (data.allow_overlap): mAP may be too high");
  if (partial) findings.caution("it began from weights that lack tensors (weights.allow_partial)");
  if (taken) findings.caution("the run directory was taken from another job by force");
  if (versions.size() > 1)
    findings.caution(std::to_string(versions.size()) + " versions of the program had a part in it");
  if (!changed.empty()) {
    std::string keys;
    for (const std::string& key : changed) keys += (keys.empty() ? "" : ", ") + key;
    findings.caution("changed at a restart: " + keys);
  }
}

void add_settings(const RecordedRun& run, const RunSummary& summary, Findings& findings) {
  if (value_of(run.settings, "testing.enabled") == "true")
    findings.bad("faults were injected (testing.enabled)");
  if (value_of(run.settings, "data.train") != "\"\"" &&
      value_of(run.settings, "data.train") == value_of(run.settings, "data.eval"))
    findings.bad("it was evaluated on the pack that it was trained on");
  if (summary.data_wait_ratio.value_or(0) > kMuchWaiting)
    findings.caution("steps waited for data " + fixed(100 * *summary.data_wait_ratio, 0) +
                     " % of their time");
  for (const std::string& problem : run.problems) findings.caution(problem);
}

std::string compared(const PaperRow& row, double map) {
  if (!row.map) return "The paper has no number for " + row.name + " (out of memory).";
  const double difference = 100 * (map - *row.map);
  return "The paper's " + row.name + " on " + row.data_set + " has " + fixed(100 * *row.map, 1) +
         " %: " + fixed(std::abs(difference), 1) + " points " +
         (difference >= 0 ? "above it." : "below it.");
}

std::string headline_of(const RecordedRun& run, const RunSummary& summary,
                        const RunVerdict& verdict, const RunStatus& status) {
  std::string text;
  switch (status.phase) {
    case RunPhase::kDone:
      text = "Finished after " + counted(summary.epochs, "epoch", "epochs") + ".";
      break;
    case RunPhase::kRunning:
      text = "Running, at " + progress_of(summary, status) + ".";
      break;
    case RunPhase::kPending:
      return "Not started yet.";
    case RunPhase::kStopped:
      text = "Stopped at " + progress_of(summary, status) + ", to be gone on with.";
      break;
    default:
      text = "Ended early, at " + progress_of(summary, status) + ".";
  }
  if (!summary.best_map) return text + " It has no evaluation.";
  text += " Best mAP " + percent(*summary.best_map) + " % after epoch " +
          compact(*summary.best_epoch) + " on " + counted(run.best()->images, "image", "images") +
          ".";
  if (verdict.paper) text += " " + compared(*verdict.paper, *summary.best_map);
  return text;
}

}  // namespace

std::string data_set_of(const RecordedRun& run) {
  const json life = run.newest_life();
  if (!life.is_object()) return "";
  return text_in(life.value("train_pack", json()), "data_set");
}

RunVerdict judge(const RecordedRun& run, const RunSummary& summary, const RunStatus& status) {
  RunVerdict verdict;
  Findings findings;
  add_state(summary, status, findings);
  add_numerics(run, summary, findings);
  add_evaluation(run, status, findings);
  add_starts(run, findings);
  add_settings(run, summary, findings);
  verdict.findings = std::move(findings).sorted();
  if (!verdict.findings.empty()) verdict.trust = verdict.findings.front().level;
  verdict.paper = paper_row_of(run.settings, data_set_of(run));
  if (verdict.paper) {
    const RecordedEvaluation* best = run.best();
    verdict.deviations =
        deviations_from(*verdict.paper, run.settings, best == nullptr ? 0 : best->images);
  }
  verdict.headline = headline_of(run, summary, verdict, status);
  return verdict;
}

}  // namespace catamaran
