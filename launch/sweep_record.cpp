#include "launch/sweep_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "launch/exit_code.h"
#include "launch/sweep_metric.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/host_name.h"
#include "support/json.h"
#include "support/normal_path.h"
#include "support/process_state.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr ErrorKind kKind = ErrorKind::kUsage;
constexpr int kFormatVersion = 1;
constexpr size_t kIdDigits = 12;
constexpr const char* kPlans = "plans";
constexpr const char* kNewest = "sweep.json";
constexpr const char* kRungs = "rungs.json";
constexpr const char* kOutcome = "outcome.json";
constexpr int64_t kLargestOutcome = 64 << 10;
// Within which a job on another host, of which nothing was heard yet, may still be starting.
constexpr double kLongestStartSeconds = 600;

// A folder's name: nothing that leads out of the sweep's.
bool is_id(const std::string& id) {
  return id.size() == kIdDigits && std::ranges::all_of(id, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

json point_json(const SweepPoint& point) {
  json values = json::array();
  for (const auto& [key, value] : point.values) values.push_back({key, value});
  return {{"id", point.id},
          {"index", point.index},
          {"values", values},
          {"settings", point.settings},
          {"group", point.group},
          {"batch", point.batch},
          {"per_device", point.per_device},
          {"steps", point.steps},
          {"until", point.until}};
}

json plan_json(const SweepPlan& plan) {
  json points = json::array();
  for (const SweepPoint& point : plan.points) points.push_back(point_json(point));
  return {{"format_version", kFormatVersion},
          {"name", plan.name},
          {"file", plan.file.string()},
          {"config", plan.config.string()},
          {"out", plan.out.string()},
          {"keys", plan.keys},
          {"metric", plan.metric},
          {"max_parallel", plan.max_parallel},
          {"halving", {{"rungs", plan.halving.rungs}, {"keep", plan.halving.keep}}},
          {"duplicates", plan.duplicates},
          {"packs", plan.packs},
          {"points", points}};
}

template <typename T>
T field(const json& object, const char* key, const std::string& where) {
  return json_field<T>(object, key, where, kKind);
}

void require_version(const json& root, const std::string& where) {
  if (field<int64_t>(root, "format_version", where) != kFormatVersion)
    throw_json_field("format_version", "is of another program's version", where, kKind);
}

SweepPoint point_from_json(const json& one, const std::string& where) {
  SweepPoint point;
  point.id = field<std::string>(one, "id", where);
  if (!is_id(point.id)) throw_json_field("id", "is not of 12 hexadecimal digits", where, kKind);
  point.index = field<int64_t>(one, "index", where);
  point.values = field<std::vector<std::pair<std::string, std::string>>>(one, "values", where);
  point.settings = field<std::vector<std::string>>(one, "settings", where);
  point.group = field<int64_t>(one, "group", where);
  point.batch = field<int64_t>(one, "batch", where);
  point.per_device = field<int64_t>(one, "per_device", where);
  point.steps = field<int64_t>(one, "steps", where);
  point.until = field<int64_t>(one, "until", where);
  const bool counts_hold = point.group >= 0 && point.group < kMostSweepPoints && point.batch > 0 &&
                           point.per_device > 0 && point.steps >= 0 && point.until >= kNothingToDo;
  if (!counts_hold)
    throw_json_field("points", "has a point with an impossible count", where, kKind);
  return point;
}

SweepHalving halving_from_json(const json& root, const std::string& where) {
  SweepHalving halving;
  const auto object = field<json>(root, "halving", where);
  halving.rungs = field<std::vector<double>>(object, "rungs", where);
  halving.keep = field<double>(object, "keep", where);
  double before = 0;
  bool holds = halving.keep > 0 && halving.keep < 1;
  for (const double rung : halving.rungs) {
    holds = holds && rung > before && rung < 1;
    before = rung;
  }
  if (!holds) throw_json_field("halving", "has impossible rungs", where, kKind);
  return halving;
}

void read_points(const json& root, const std::string& where, SweepPlan& plan) {
  const auto points = field<json::array_t>(root, "points", where);
  if (std::ssize(points) > kMostSweepPoints)
    throw_json_field("points", "has more than 10000 points", where, kKind);
  for (const json& one : points) {
    plan.points.push_back(point_from_json(one, where));
    SweepPoint& point = plan.points.back();
    if (point.index != std::ssize(plan.points) - 1)
      throw_json_field("points", "is not in the order of its indices", where, kKind);
    const bool rungs_are_steps = plan.halving.rungs.empty() || point.steps > 1;
    if (!rungs_are_steps)
      throw_json_field("points", "has a point without steps for the rungs", where, kKind);
    point.folder = plan.out / point.id;
  }
}

}  // namespace

fs::path write_prepared_plan(const SweepPlan& plan) {
  const std::string content = json_text(plan_json(plan), 1) + "\n";
  fs::path file = plan.out / kPlans / (sha256(content).substr(0, kIdDigits) + ".json");
  write_file_atomically(file, content, kKind);
  write_file_atomically(plan.out / kNewest, content, kKind);
  return file;
}

SweepPlan read_prepared_plan(const fs::path& file) {
  const std::string where = file.string();
  const json root = read_json_file(file, kKind, kLargestPlanBytes);
  require_version(root, where);
  SweepPlan plan;
  plan.prepared = true;
  plan.name = field<std::string>(root, "name", where);
  plan.file = field<std::string>(root, "file", where);
  plan.config = field<std::string>(root, "config", where);
  plan.keys = field<std::vector<std::string>>(root, "keys", where);
  plan.metric = field<std::string>(root, "metric", where);
  const std::vector<std::string> metrics = metric_names();
  if (std::ranges::find(metrics, plan.metric) == metrics.end())
    throw_json_field("metric", "is not known", where, kKind);
  plan.higher_is_better = is_higher_better(plan.metric);
  plan.max_parallel = field<int64_t>(root, "max_parallel", where);
  plan.duplicates = field<std::vector<std::string>>(root, "duplicates", where);
  plan.packs = field<std::vector<std::string>>(root, "packs", where);
  plan.halving = halving_from_json(root, where);
  const fs::path folder = normal_path(file).parent_path();
  plan.out = folder.filename() == kPlans ? folder.parent_path() : folder;
  read_points(root, where, plan);
  return plan;
}

fs::path newest_plan(const fs::path& out) {
  std::error_code code;
  fs::path file = out / kNewest;
  if (fs::exists(file, code)) return file;
  throw UsageError("is no folder of a sweep: sweep.json is not in it", out.string(),
                   "name a sweep file, or the folder that it has as `out` and that `sweep run` or "
                   "`submit --sweep` has written to");
}

void write_rungs(const SweepPlan& plan, const RungRecord& record) {
  write_file_atomically(plan.out / kRungs, json_text(rungs_json(record), 1) + "\n", kKind);
}

RungRecord read_rungs(const SweepPlan& plan) {
  const fs::path file = plan.out / kRungs;
  std::error_code code;
  RungRecord none;
  none.metric = plan.metric;
  if (plan.halving.rungs.empty() || !fs::exists(file, code)) return none;
  return rungs_from_json(read_json_file(file, kKind), plan, file.string());
}

bool Outcome::failed() const { return ended && code != kExitDone && code != kExitStopped; }

void write_outcome(const fs::path& point, const Outcome& outcome) {
  const json root = {{"format_version", kFormatVersion},
                     {"state", outcome.ended ? "ended" : "started"},
                     {"code", outcome.code},
                     {"reason", outcome.reason},
                     {"failures", outcome.failures},
                     {"until", outcome.until},
                     {"unix_seconds", outcome.unix_seconds},
                     {"host", outcome.host},
                     {"process", outcome.process}};
  write_file_atomically(point / kOutcome, json_text(root) + "\n", kKind);
}

std::optional<Outcome> read_outcome(const fs::path& point) {
  const fs::path file = point / kOutcome;
  const std::string where = file.string();
  std::error_code code;
  if (!fs::exists(file, code)) return std::nullopt;
  try {
    const json root = read_json_file(file, kKind, kLargestOutcome);
    require_version(root, where);
    Outcome outcome;
    outcome.ended = field<std::string>(root, "state", where) == "ended";
    outcome.code = static_cast<int>(field<int64_t>(root, "code", where));
    outcome.reason = field<std::string>(root, "reason", where);
    outcome.failures = field<int64_t>(root, "failures", where);
    outcome.until = field<int64_t>(root, "until", where);
    outcome.unix_seconds = field<double>(root, "unix_seconds", where);
    outcome.host = field<std::string>(root, "host", where);
    outcome.process = field<int64_t>(root, "process", where);
    return outcome;
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool may_live(const Outcome& outcome, double now_unix_seconds) {
  if (outcome.host == host_name()) return process_state(outcome.process) != ProcessState::kGone;
  return now_unix_seconds - outcome.unix_seconds < kLongestStartSeconds;
}

}  // namespace catamaran
