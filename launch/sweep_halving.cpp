#include "launch/sweep_halving.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "support/json.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr ErrorKind kKind = ErrorKind::kUsage;
constexpr int kFormatVersion = 1;
constexpr double kRounding = 1e-9;  // a third of 9 is 3, whatever 1.0 / 3 is

int64_t rounded_up(double value) { return static_cast<int64_t>(std::ceil(value - kRounding)); }

int64_t how_many_go_on(int64_t compared, double keep) {
  return std::max<int64_t>(1, rounded_up(keep * static_cast<double>(compared)));
}

struct Group {
  std::vector<std::string> ids;
  double sum = 0;
  int64_t count = 0;  // with a value
  double mean() const { return sum / static_cast<double>(count); }
};

// In the order of their first points.
std::vector<Group> groups_of(const std::vector<Contender>& contenders) {
  std::vector<Group> groups;
  std::map<int64_t, size_t> place;
  for (const Contender& one : contenders) {
    const auto [found, is_new] = place.emplace(one.group, groups.size());
    if (is_new) groups.emplace_back();
    Group& group = groups[found->second];
    group.ids.push_back(one.id);
    if (!one.value) continue;
    group.sum += *one.value;
    ++group.count;
  }
  return groups;
}

// It has been judged there, whatever has become of its checkpoints since.
bool was_judged(const RungRecord& record, size_t rung, const std::string& point) {
  return rung < record.rungs.size() &&
         std::ranges::any_of(record.rungs[rung].compared,
                             [&](const auto& one) { return one.first == point && one.second; });
}

bool goes_on(const Rung& rung, const SweepPoint& point, bool is_judged, bool higher_is_better,
             const std::function<std::optional<double>()>& value_there) {
  if (rung.kept.contains(point.id)) return true;
  if (is_judged) return false;
  if (!rung.bar) return true;
  const std::optional<double> value = value_there();
  return value && (higher_is_better ? *value >= *rung.bar : *value <= *rung.bar);
}

Rung rung_from_json(const json& one, const std::string& where) {
  Rung rung;
  rung.share = json_field<double>(one, "share", where, kKind);
  for (const json& compared : json_field<json::array_t>(one, "compared", where, kKind)) {
    std::optional<double> value;
    if (compared.contains("value") && !compared["value"].is_null())
      value = json_field<double>(compared, "value", where, kKind);
    rung.compared.emplace_back(json_field<std::string>(compared, "id", where, kKind), value);
  }
  for (const auto& id : json_field<std::vector<std::string>>(one, "kept", where, kKind))
    rung.kept.insert(id);
  if (one.contains("bar") && !one["bar"].is_null())
    rung.bar = json_field<double>(one, "bar", where, kKind);
  return rung;
}

}  // namespace

int64_t step_of_rung(int64_t steps, double share) {
  const int64_t step = rounded_up(share * static_cast<double>(steps));
  return std::max<int64_t>(1, std::min(step, steps - 1));
}

Standing standing(const SweepPlan& plan, const RungRecord& record, const SweepPoint& point,
                  int64_t steps_done, const ValueAt& value_at) {
  const std::vector<double>& shares = plan.halving.rungs;
  for (size_t r = 0; r < shares.size(); ++r) {
    const int64_t stop = step_of_rung(point.steps, shares[r]);
    Standing here{.rung = r, .until = stop};
    if (steps_done < stop && !was_judged(record, r, point.id)) return here;
    here.waits = r >= record.rungs.size();
    if (here.waits) return here;
    here.pruned = !goes_on(record.rungs[r], point, was_judged(record, r, point.id),
                           plan.higher_is_better, [&] { return value_at(stop); });
    if (here.pruned) return here;
  }
  return {.rung = shares.size(), .until = 0};
}

Rung decide(double share, double keep, bool higher_is_better,
            const std::vector<Contender>& contenders) {
  Rung rung;
  rung.share = share;
  for (const Contender& one : contenders) rung.compared.emplace_back(one.id, one.value);
  std::vector<Group> groups = groups_of(contenders);
  std::erase_if(groups, [](const Group& group) { return group.count == 0; });
  if (groups.empty()) {  // nothing tells them apart
    for (const Contender& one : contenders) rung.kept.insert(one.id);
    return rung;
  }
  std::ranges::stable_sort(groups, [&](const Group& one, const Group& other) {
    return higher_is_better ? one.mean() > other.mean() : one.mean() < other.mean();
  });
  groups.resize(static_cast<size_t>(how_many_go_on(static_cast<int64_t>(groups.size()), keep)));
  for (const Group& group : groups) rung.kept.insert(group.ids.begin(), group.ids.end());
  rung.bar = groups.back().mean();
  return rung;
}

int64_t expected_steps(const SweepPlan& plan) {
  int64_t groups = 0;
  double steps = 0;
  for (const SweepPoint& point : plan.points) {
    groups = std::max(groups, point.group + 1);
    steps += static_cast<double>(point.steps);
  }
  std::vector<double> shares = plan.halving.rungs;
  shares.push_back(1);
  double part = 0;  // of the steps of a point, on average
  double before = 0;
  int64_t alive = groups;
  for (const double share : shares) {
    part += (share - before) * static_cast<double>(alive) / static_cast<double>(groups);
    before = share;
    alive = how_many_go_on(alive, plan.halving.keep);
  }
  return groups == 0 ? 0 : static_cast<int64_t>(std::llround(part * steps));
}

json rungs_json(const RungRecord& record) {
  json rungs = json::array();
  for (const Rung& rung : record.rungs) {
    json compared = json::array();
    for (const auto& [id, value] : rung.compared)
      compared.push_back({{"id", id}, {"value", value ? json(*value) : json()}});
    rungs.push_back({{"share", rung.share},
                     {"compared", compared},
                     {"kept", rung.kept},
                     {"bar", rung.bar ? json(*rung.bar) : json()}});
  }
  return {{"format_version", kFormatVersion}, {"metric", record.metric}, {"rungs", rungs}};
}

RungRecord rungs_from_json(const json& root, const SweepPlan& plan, const std::string& where) {
  if (json_field<int64_t>(root, "format_version", where, kKind) != kFormatVersion)
    throw_json_field("format_version", "is of another program's version", where, kKind);
  RungRecord record;
  record.metric = plan.metric;
  if (json_field<std::string>(root, "metric", where, kKind) != plan.metric) return record;
  for (const json& one : json_field<json::array_t>(root, "rungs", where, kKind)) {
    Rung rung = rung_from_json(one, where);
    const size_t next = record.rungs.size();
    if (next >= plan.halving.rungs.size() ||
        std::abs(plan.halving.rungs[next] - rung.share) > kRounding)
      break;
    record.rungs.push_back(std::move(rung));
  }
  return record;
}

}  // namespace catamaran
