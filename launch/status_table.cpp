#include "launch/status_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "monitoring/progress_note.h"
#include "support/progress.h"
#include "support/text.h"
#include "support/text_table.h"

namespace catamaran {
namespace {

constexpr const char* kNone = "-";

constexpr std::array<std::pair<RunOrder, const char*>, 7> kOrders = {{
    {RunOrder::kUpdated, "updated"},
    {RunOrder::kStarted, "started"},
    {RunOrder::kName, "name"},
    {RunOrder::kState, "state"},
    {RunOrder::kStep, "step"},
    {RunOrder::kMap, "map"},
    {RunOrder::kLoss, "loss"},
}};

// What needs a look first.
int rank_of(RunPhase phase) {
  switch (phase) {
    case RunPhase::kRunning:
      return 0;
    case RunPhase::kFailed:
      return 1;
    case RunPhase::kLost:
      return 2;
    case RunPhase::kStopped:
      return 3;
    case RunPhase::kPending:
      return 4;
    case RunPhase::kDone:
      return 5;
  }
  return 6;
}

bool has_steps(const RunStatus& run) { return run.images_per_second > 0 || run.loss != 0; }

// The greater, the earlier; none: last.
std::optional<double> key_of(const RunStatus& run, RunOrder order) {
  const auto known = [](double value) { return value > 0 ? std::optional(value) : std::nullopt; };
  switch (order) {
    case RunOrder::kUpdated:
    case RunOrder::kName:
      return known(run.updated_unix_seconds);
    case RunOrder::kStarted:
      return known(run.started_unix_seconds);
    case RunOrder::kState:
      return -rank_of(run.phase);
    case RunOrder::kStep:
      return static_cast<double>(run.step);
    case RunOrder::kMap:
      return run.best_map;
    case RunOrder::kLoss:
      return has_steps(run) && std::isfinite(run.loss) ? std::optional(-run.loss) : std::nullopt;
  }
  return std::nullopt;
}

std::string progress_of(const RunStatus& run) {
  if (run.total_steps <= 0) return run.step > 0 ? text("%ld", run.step) : kNone;
  const double share =
      std::min(1.0, static_cast<double>(run.step) / static_cast<double>(run.total_steps));
  return text("%ld/%ld (%.0f %%)", run.step, run.total_steps, std::floor(100 * share));
}

std::string map_text(const std::optional<double>& map) {
  return map ? text("%.2f", 100 * *map) : kNone;
}

std::string loss_text(const RunStatus& run) {
  if (!has_steps(run)) return kNone;
  return std::isfinite(run.loss) ? text("%.4g", run.loss) : "not finite";
}

std::string or_none(const std::string& text) { return text.empty() ? kNone : text; }

// Two runs of one name are told apart by their folders.
std::vector<std::string> names_of(const std::vector<RunStatus>& runs) {
  std::vector<std::string> names;
  for (const RunStatus& run : runs) {
    const auto same = std::ranges::count(runs, run.name, &RunStatus::name);
    names.push_back(same == 1 ? run.name : run.name + " (" + run.folder.string() + ")");
  }
  return names;
}

}  // namespace

std::vector<std::string> run_order_names() {
  std::vector<std::string> names;
  names.reserve(kOrders.size());
  for (const auto& [order, name] : kOrders) names.emplace_back(name);
  return names;
}

std::optional<RunOrder> run_order_named(const std::string& name) {
  for (const auto& [order, known] : kOrders) {
    if (name == known) return order;
  }
  return std::nullopt;
}

void sort_runs(std::vector<RunStatus>& runs, RunOrder order) {
  const auto comes_first = [order](const RunStatus& a, const RunStatus& b) {
    if (order == RunOrder::kName && a.name != b.name) return a.name < b.name;
    const std::optional<double> of_a = key_of(a, order);
    const std::optional<double> of_b = key_of(b, order);
    // No value is less than any.
    if (of_a != of_b) return of_b < of_a;
    return b.updated_unix_seconds < a.updated_unix_seconds;
  };
  std::ranges::stable_sort(runs, comes_first);
}

std::string age_text(double seconds) {
  constexpr double kMinute = 60, kHour = 3600, kDay = 86400;
  const double age = std::max(0.0, seconds);
  if (age < 2 * kMinute) return text("%.0f s", age);
  if (age < 2 * kHour) return text("%.0f min", age / kMinute);
  if (age < 2 * kDay) return text("%.0f h", age / kHour);
  return text("%.0f d", age / kDay);
}

std::vector<std::string> status_table(const std::vector<RunStatus>& runs, double now,
                                      int64_t width) {
  TextTable table({{.title = "name", .least = 12},
                   {.title = "state"},
                   {.title = "progress", .side = Side::kRight},
                   {.title = "ETA", .side = Side::kRight},
                   {.title = "loss", .side = Side::kRight, .drop = 2},
                   {.title = "mAP", .side = Side::kRight},
                   {.title = "best", .side = Side::kRight, .drop = 4},
                   {.title = "checkpoint", .side = Side::kRight, .drop = 3},
                   {.title = "seen", .side = Side::kRight},
                   {.title = "job", .drop = 5},
                   {.title = "host", .least = 6, .drop = 6},
                   {.title = "reason", .least = 12, .drop = 1}});
  const std::vector<std::string> names = names_of(runs);
  for (size_t r = 0; r < runs.size(); ++r) {
    const RunStatus& run = runs[r];
    table.add({names[r], phase_name(run.phase), progress_of(run),
               run.eta_seconds ? format_duration(*run.eta_seconds) : kNone, loss_text(run),
               map_text(run.map), map_text(run.best_map),
               run.checkpoint_step < 0 ? kNone : text("%ld", run.checkpoint_step),
               run.updated_unix_seconds > 0 ? age_text(now - run.updated_unix_seconds) : kNone,
               or_none(run.job_id), or_none(run.host), run.reason});
  }
  return table.lines(width);
}

std::string status_sentence(const RunStatus& run) {
  std::string sentence = phase_name(run.phase);
  if (run.step > 0 || run.total_steps > 0) sentence += ", step " + progress_of(run);
  if (has_steps(run) && run.phase == RunPhase::kRunning) {
    sentence += ", " + progress_note({.epoch = run.epoch,
                                      .loss = run.loss,
                                      .learning_rate = run.learning_rate,
                                      .images_per_second = run.images_per_second,
                                      .data_wait_ratio = run.data_wait_ratio,
                                      .map = run.map});
  } else if (run.best_map) {
    sentence += ", best mAP " + map_text(run.best_map);
  }
  if (run.checkpoint_step >= 0) sentence += text(", checkpoint of step %ld", run.checkpoint_step);
  if (!run.reason.empty()) sentence += ": " + run.reason;
  return one_line(sentence);
}

}  // namespace catamaran
