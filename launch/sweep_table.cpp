#include "launch/sweep_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "launch/sweep_metric.h"
#include "support/text.h"
#include "support/toml_text.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr const char* kSeedKey = "run.seed";
constexpr std::array<PointPhase, 8> kPhases = {
    PointPhase::kDone,    PointPhase::kPruned,  PointPhase::kRunning, PointPhase::kWaiting,
    PointPhase::kStopped, PointPhase::kPending, PointPhase::kLost,    PointPhase::kFailed};

const PointState& state_of(const SweepState& state, int64_t index) {
  return state.points[static_cast<size_t>(index)];
}
const SweepPoint& point_at(const SweepPlan& plan, int64_t index) {
  return plan.points[static_cast<size_t>(index)];
}

std::string value_of(const SweepPoint& point, const std::string& key) {
  for (const auto& [name, value] : point.values) {
    if (name == key) return plain_of_toml(value);
  }
  return "";  // its condition does not hold there
}

bool has_seeds(const SweepPlan& plan) {
  return std::ranges::find(plan.keys, kSeedKey) != plan.keys.end();
}

// Characters, not bytes: columns line up on a terminal.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char byte) { return (byte & 0xc0) != 0x80; }));
}

std::string cell_text(const std::string& text) {
  std::string cell;
  for (const char c : printable(text)) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

// The last `right` columns hold numbers.
std::string markdown(const std::vector<std::string>& head,
                     const std::vector<std::vector<std::string>>& rows, size_t right) {
  std::vector<size_t> widths(head.size(), 3);
  const auto widen = [&](const std::vector<std::string>& row) {
    for (size_t c = 0; c < row.size(); ++c)
      widths[c] = std::max(widths[c], width_of(cell_text(row[c])));
  };
  widen(head);
  for (const auto& row : rows) widen(row);
  const auto is_right = [&](size_t c) { return c + right >= head.size(); };
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text = "|";
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string cell = cell_text(row[c]);
      const std::string space(widths[c] - width_of(cell), ' ');
      text += is_right(c) ? " " + space + cell + " |" : " " + cell + space + " |";
    }
    return text + "\n";
  };
  std::string all = line(head) + "|";
  for (size_t c = 0; c < head.size(); ++c)
    all += is_right(c) ? std::string(widths[c] + 1, '-') + ":|"
                       : std::string(widths[c] + 2, '-') + "|";
  all += "\n";
  for (const auto& row : rows) all += line(row);
  return all;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) line += (i > 0 ? "," : "") + csv_field(fields[i]);
  return line + "\n";
}

std::string number_text(const std::optional<double>& value) {
  return value ? toml_text(*value) : "";
}

bool is_better(const SweepPlan& plan, const std::optional<double>& one,
               const std::optional<double>& other) {
  if (!one || !other) return one.has_value() && !other.has_value();
  return plan.higher_is_better ? *one > *other : *one < *other;
}

// Without what differs from point to point of one cause.
std::string likeness(const SweepPoint& point, std::string reason) {
  const std::string folder = point.folder.string();
  for (const std::string& own : {folder, point.id}) {
    for (size_t at = 0; (at = reason.find(own, at)) != std::string::npos;)
      reason.replace(at, own.size(), "POINT");
  }
  std::string alike;
  for (const char c : reason) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit) alike += c;
    if (is_digit && (alike.empty() || alike.back() != '#')) alike += '#';
  }
  return alike;
}

json values_json(const std::vector<std::pair<std::string, std::string>>& values) {
  json object = json::object();
  for (const auto& [key, value] : values) object[key] = value;
  return object;
}

json optional_json(const std::optional<double>& value) { return value ? json(*value) : json(); }

json point_json(const SweepPoint& point, const PointState& state) {
  return {{"index", point.index},
          {"id", point.id},
          {"folder", point.folder.string()},
          {"values", values_json(point.values)},
          {"batch", point.batch},
          {"steps", point.steps > 0 ? json(point.steps) : json()},
          {"samples", point.steps > 0 ? json(point.steps * point.batch) : json()},
          {"state", phase_name(state.phase)},
          {"reason", state.reason},
          {"step", state.step},
          {"until", state.until},
          {"value", optional_json(state.value)},
          {"failures", state.failures},
          {"world", state.world},
          {"images_per_second", state.images_per_second},
          {"busy_seconds", state.busy_seconds},
          {"updated_unix_seconds", state.updated_unix_seconds}};
}

json counts_json(const SweepState& state) {
  json counts = json::object();
  for (const PointPhase phase : kPhases)
    counts[phase_name(phase)] = std::ranges::count(state.points, phase, &PointState::phase);
  return counts;
}

}  // namespace

std::string value_text(const std::string& metric, double value) {
  return is_higher_better(metric) ? text("%.2f %%", 100 * value) : text("%.4f", value);
}

std::vector<int64_t> ordered(const SweepPlan& plan, const SweepState& state, PointOrder order) {
  std::vector<int64_t> indices;
  indices.reserve(plan.points.size());
  for (const SweepPoint& point : plan.points) indices.push_back(point.index);
  if (order == PointOrder::kIndex) return indices;
  std::ranges::stable_sort(indices, [&](int64_t one, int64_t other) {
    return is_better(plan, state_of(state, one).value, state_of(state, other).value);
  });
  return indices;
}

std::vector<SeedGroup> seed_groups(const SweepPlan& plan, const SweepState& state) {
  std::map<int64_t, SeedGroup> by_number;
  for (const SweepPoint& point : plan.points) {
    SeedGroup& group = by_number[point.group];
    if (group.indices.empty()) {
      group.values = point.values;
      std::erase_if(group.values, [](const auto& item) { return item.first == kSeedKey; });
    }
    group.indices.push_back(point.index);
  }
  std::vector<SeedGroup> groups;
  for (auto& [number, group] : by_number) {
    double sum = 0;
    double squares = 0;
    for (const int64_t index : group.indices) {
      if (const auto value = state_of(state, index).value) {
        sum += *value;
        ++group.count;
      }
    }
    if (group.count > 0) group.mean = sum / static_cast<double>(group.count);
    for (const int64_t index : group.indices) {
      if (const auto value = state_of(state, index).value)
        squares += (*value - *group.mean) * (*value - *group.mean);
    }
    if (group.count > 1) group.sd = std::sqrt(squares / static_cast<double>(group.count - 1));
    groups.push_back(std::move(group));
  }
  std::ranges::stable_sort(groups, [&](const SeedGroup& one, const SeedGroup& other) {
    return is_better(plan, one.mean, other.mean);
  });
  return groups;
}

std::vector<FailureGroup> failure_groups(const SweepPlan& plan, const SweepState& state) {
  std::vector<FailureGroup> groups;
  std::map<std::string, size_t> known;
  for (const SweepPoint& point : plan.points) {
    const PointState& here = state_of(state, point.index);
    if (here.phase != PointPhase::kFailed) continue;
    const auto [found, is_new] = known.emplace(likeness(point, here.reason), groups.size());
    if (is_new) groups.push_back({here.reason, {}});
    groups[found->second].indices.push_back(point.index);
  }
  std::ranges::stable_sort(groups, [](const FailureGroup& one, const FailureGroup& other) {
    return one.indices.size() > other.indices.size();
  });
  return groups;
}

std::string points_text(const SweepPlan& plan, const SweepState& state, PointOrder order) {
  std::vector<std::string> head = {"#", "id"};
  head.insert(head.end(), plan.keys.begin(), plan.keys.end());
  head.insert(head.end(), {"state", "step", plan.metric});
  std::vector<std::vector<std::string>> rows;
  for (const int64_t index : ordered(plan, state, order)) {
    const SweepPoint& point = point_at(plan, index);
    const PointState& here = state_of(state, index);
    std::vector<std::string> row = {std::to_string(index), point.id};
    for (const std::string& key : plan.keys) row.push_back(value_of(point, key));
    row.push_back(phase_name(here.phase));
    row.push_back(point.steps > 0 ? text("%ld / %ld", here.step, point.steps)
                                  : std::to_string(here.step));
    row.push_back(here.value ? value_text(plan.metric, *here.value) : "");
    rows.push_back(std::move(row));
  }
  return markdown(head, rows, /*right=*/2);
}

std::string seeds_text(const SweepPlan& plan, const SweepState& state) {
  if (!has_seeds(plan)) return "";
  std::vector<std::string> head;
  for (const std::string& key : plan.keys)
    if (key != kSeedKey) head.push_back(key);
  const std::vector<std::string> keys = head;
  head.insert(head.end(), {"points", plan.metric + ", mean ± sd over seeds"});
  std::vector<std::vector<std::string>> rows;
  for (const SeedGroup& group : seed_groups(plan, state)) {
    std::vector<std::string> row;
    for (const std::string& key : keys)
      row.push_back(value_of(point_at(plan, group.indices[0]), key));
    row.push_back(text("%ld of %zu", group.count, group.indices.size()));
    std::string figure = group.mean ? value_text(plan.metric, *group.mean) : "";
    if (group.sd) figure += " ± " + value_text(plan.metric, *group.sd);
    row.push_back(figure);
    rows.push_back(std::move(row));
  }
  return markdown(head, rows, /*right=*/2);
}

std::string failures_text(const SweepPlan& plan, const SweepState& state) {
  std::string all;
  for (const FailureGroup& group : failure_groups(plan, state)) {
    all += text("%zu failed (%s): ", group.indices.size(), array_text(group.indices).c_str()) +
           printable(group.reason) + "\n";
  }
  return all;
}

std::string counts_text(const SweepState& state) {
  std::string all;
  for (const PointPhase phase : kPhases) {
    const auto count = std::ranges::count(state.points, phase, &PointState::phase);
    if (count > 0)
      all += (all.empty() ? "" : ", ") + std::to_string(count) + " " + phase_name(phase);
  }
  return all;
}

std::string points_csv(const SweepPlan& plan, const SweepState& state, PointOrder order) {
  std::vector<std::string> head = {"index", "id"};
  head.insert(head.end(), plan.keys.begin(), plan.keys.end());
  head.insert(head.end(), {"state", "step", "steps", plan.metric, "images_per_second",
                           "busy_seconds", "folder", "reason"});
  std::string all = csv_line(head);
  for (const int64_t index : ordered(plan, state, order)) {
    const SweepPoint& point = point_at(plan, index);
    const PointState& here = state_of(state, index);
    std::vector<std::string> row = {std::to_string(index), point.id};
    for (const std::string& key : plan.keys) row.push_back(value_of(point, key));
    row.insert(row.end(), {phase_name(here.phase), std::to_string(here.step),
                           point.steps > 0 ? std::to_string(point.steps) : "",
                           number_text(here.value), toml_text(here.images_per_second),
                           toml_text(here.busy_seconds), point.folder.string(), here.reason});
    all += csv_line(row);
  }
  return all;
}

std::string seeds_csv(const SweepPlan& plan, const SweepState& state) {
  std::vector<std::string> keys;
  for (const std::string& key : plan.keys)
    if (key != kSeedKey) keys.push_back(key);
  std::vector<std::string> head = keys;
  head.insert(head.end(), {"points", "with_value", plan.metric + "_mean", plan.metric + "_sd"});
  std::string all = csv_line(head);
  for (const SeedGroup& group : seed_groups(plan, state)) {
    std::vector<std::string> row;
    for (const std::string& key : keys)
      row.push_back(value_of(point_at(plan, group.indices[0]), key));
    row.insert(row.end(), {std::to_string(group.indices.size()), std::to_string(group.count),
                           number_text(group.mean), number_text(group.sd)});
    all += csv_line(row);
  }
  return all;
}

json sweep_json(const SweepPlan& plan, const SweepState& state, PointOrder order) {
  json points = json::array();
  for (const int64_t index : ordered(plan, state, order))
    points.push_back(point_json(point_at(plan, index), state_of(state, index)));
  json groups = json::array();
  for (const SeedGroup& group : seed_groups(plan, state))
    groups.push_back({{"values", values_json(group.values)},
                      {"indices", group.indices},
                      {"with_value", group.count},
                      {"mean", optional_json(group.mean)},
                      {"sd", optional_json(group.sd)}});
  json failures = json::array();
  for (const FailureGroup& group : failure_groups(plan, state))
    failures.push_back({{"reason", group.reason}, {"indices", group.indices}});
  const std::vector<int64_t> open = open_points(state, FailedPoints::kThreeTimes);
  return {{"name", plan.name},
          {"file", plan.file.string()},
          {"config", plan.config.string()},
          {"out", plan.out.string()},
          {"keys", plan.keys},
          {"metric", plan.metric},
          {"higher_is_better", plan.higher_is_better},
          {"max_parallel", plan.max_parallel},
          {"halving",
           {{"rungs", plan.halving.rungs},
            {"keep", plan.halving.keep},
            {"decided", state.rungs.rungs.size()}}},
          {"duplicates", plan.duplicates},
          {"points", points},
          {"groups", groups},
          {"failures", failures},
          {"counts", counts_json(state)},
          {"open", open},
          {"array", array_text(open)},
          {"problems", state.problems}};
}

}  // namespace catamaran
