#include "monitoring/run_events.h"

#include <algorithm>
#include <map>
#include <utility>

#include "monitoring/html_text.h"
#include "monitoring/recorded_files.h"

namespace catamaran {
namespace {

using nlohmann::json;

std::string hosts_of(const json& life) {
  const json hosts = life.value("hosts", json::array());
  if (!hosts.is_array() || hosts.empty() || !hosts.front().is_string()) return "";
  const auto first = hosts.front().get<std::string>();
  const bool several =
      std::any_of(hosts.begin(), hosts.end(), [&](const json& host) { return host != first; });
  return " on " + first + (several ? " and others" : "");
}

void add_lives(const RecordedRun& run, std::vector<RunEvent>& events) {
  if (!run.manifest.is_object()) return;
  int64_t number = 0;
  const json lives = run.manifest.value("lives", json::array());
  for (const json& life : lives) {
    if (!life.is_object()) continue;
    const int64_t first = whole_in(life, "first_step", 0);
    const int64_t world = whole_in(life, "world", 0);
    std::string text = "start " + std::to_string(++number) + ", from step " + grouped(first);
    if (world > 0) text += ", " + std::to_string(world) + (world == 1 ? " rank" : " ranks");
    events.push_back({number_in(life, "started_unix_seconds", 0), false, first, "start",
                      Trust::kGood, text + hosts_of(life)});
    const json ended = life.value("ended", json());
    if (ended.is_object()) {
      const std::string reason = text_in(ended, "reason", "not told why");
      events.push_back({number_in(ended, "unix_seconds", 0), false, whole_in(ended, "step", -1),
                        "end", reason == "done" ? Trust::kGood : Trust::kCaution,
                        "end: " + reason});
    }
    const json failure = life.value("failure", json());
    if (failure.is_object())
      events.push_back({number_in(failure, "time", 0), false, whole_in(failure, "step", -1),
                        "failure", Trust::kBad, text_in(failure, "cause", "not told why")});
  }
}

void add_skipped(const RecordedRun& run, std::vector<RunEvent>& events) {
  for (size_t i = 0; i < run.steps.size();) {
    const RecordedStep& first = run.steps[i];
    size_t end = i + 1;
    if (first.applied) {
      i = end;
      continue;
    }
    while (end < run.steps.size() && !run.steps[end].applied && run.steps[end].spike == first.spike)
      ++end;
    const int64_t last = run.steps[end - 1].step;
    const std::string steps = end - i == 1
                                  ? "step " + grouped(first.step)
                                  : std::to_string(end - i) + " steps up to " + grouped(last);
    events.push_back({0, false, first.step, "skipped", Trust::kCaution,
                      steps + " skipped: " + (first.spike ? "a spike" : "not finite") + ", loss " +
                          compact(first.loss) + ", gradient norm " + compact(first.gradient_norm)});
    i = end;
  }
}

void add_evaluations(const RecordedRun& run, std::vector<RunEvent>& events) {
  for (const RecordedEvaluation& e : run.evaluations)
    events.push_back({0, false, e.step > 0 ? e.step : -1, "evaluation", Trust::kGood,
                      e.name + ": mAP " + percent(e.map) + " %, OF1 " + percent(e.all.of1) +
                          ", CF1 " + percent(e.all.cf1)});
}

void add_checkpoints(const RecordedRun& run, std::vector<RunEvent>& events) {
  for (const RecordedCheckpoint& c : run.checkpoints) {
    std::string text = c.kind + " checkpoint";
    text += c.ok ? ", " + fixed(static_cast<double>(c.bytes) * 1e-6, 1) + " MB in " +
                       fixed(c.write_seconds, 2) + " s, training stood still for " +
                       fixed(1e3 * c.stall_seconds, 0) + " ms"
                 : " was not written";
    events.push_back(
        {c.unix_seconds, false, c.step, "checkpoint", c.ok ? Trust::kGood : Trust::kBad, text});
  }
}

void add_warnings(const RecordedRun& run, std::vector<RunEvent>& events) {
  for (const LoggedWarning& w : run.warnings)
    events.push_back({w.unix_seconds, false, -1, w.level,
                      w.level == "error" ? Trust::kBad : Trust::kCaution,
                      (w.rank > 0 ? "rank " + std::to_string(w.rank) + ": " : "") + w.message});
}

// Times of events that have a step alone, from those that have both.
void add_times(std::vector<RunEvent>& events) {
  std::vector<std::pair<int64_t, double>> known;  // step, time
  for (const RunEvent& event : events) {
    if (event.step >= 0 && event.unix_seconds > 0)
      known.emplace_back(event.step, event.unix_seconds);
  }
  std::ranges::sort(known);
  if (known.empty()) return;
  for (RunEvent& event : events) {
    if (event.step < 0 || event.unix_seconds > 0) continue;
    const auto after = std::ranges::lower_bound(known, std::pair(event.step, 0.0));
    event.is_about = true;
    if (after == known.begin() || after == known.end()) {
      event.unix_seconds = after == known.end() ? known.back().second : after->second;
      continue;
    }
    const auto& [s0, t0] = *std::prev(after);
    const auto& [s1, t1] = *after;
    const double share =
        s1 > s0 ? static_cast<double>(event.step - s0) / static_cast<double>(s1 - s0) : 0;
    event.unix_seconds = t0 + share * (t1 - t0);
  }
}

// Of each kind the newest.
void bound(std::vector<RunEvent>& events) {
  std::map<std::string, size_t> count;
  std::vector<RunEvent> kept;
  for (auto at = events.rbegin(); at != events.rend(); ++at) {
    if (++count[at->kind] <= kMostOfAKind) kept.push_back(std::move(*at));
  }
  std::ranges::reverse(kept);
  events = std::move(kept);
}

}  // namespace

std::vector<RunEvent> events_of(const RecordedRun& run) {
  std::vector<RunEvent> events;
  add_lives(run, events);
  add_skipped(run, events);
  add_evaluations(run, events);
  add_checkpoints(run, events);
  add_warnings(run, events);
  add_times(events);
  std::ranges::stable_sort(events, [](const RunEvent& a, const RunEvent& b) {
    return std::pair(a.unix_seconds, a.step) < std::pair(b.unix_seconds, b.step);
  });
  bound(events);
  return events;
}

}  // namespace catamaran
