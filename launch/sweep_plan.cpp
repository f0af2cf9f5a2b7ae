#include "launch/sweep_plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "dataio/pack.h"
#include "dataio/sample_order.h"
#include "launch/config.h"
#include "launch/sweep_expand.h"
#include "launch/sweep_file.h"
#include "launch/sweep_halving.h"
#include "launch/sweep_metric.h"
#include "launch/sweep_record.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/normal_path.h"
#include "support/text.h"
#include "support/toml_reader.h"
#include "support/toml_text.h"
#include "trainer/schedule.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr size_t kIdDigits = 12;
constexpr const char* kSeedKey = "run.seed";
// Keys, and beginnings of keys, that say how a run is run and not what comes out of it.
constexpr std::array<const char*, 15> kOperational = {"run.name",
                                                      "monitoring.",
                                                      "trace.",
                                                      "log.",
                                                      "train.log_samples",
                                                      "comm.",
                                                      "data.threads",
                                                      "data.prefetch_batches",
                                                      "data.stage",
                                                      "data.cache_mib",
                                                      "data.timeout_seconds",
                                                      "checkpoint.",
                                                      "reducer.first_bucket_bytes",
                                                      "reducer.bucket_bytes",
                                                      "reducer.last_bucket_bytes"};

bool is_operational(const std::string& key) {
  return std::ranges::any_of(kOperational, [&](const std::string& known) {
    return known.ends_with('.') ? key.starts_with(known) : key == known;
  });
}

using Values = std::map<std::string, std::string>;

Values values_of(const ResolvedConfig& config) {
  Values values;
  for (const ConfigEntry& entry : config.entries) values[entry.key] = entry.value;
  return values;
}

// Keys at their defaults are not in it: a key that a later version of the program adds leaves the
// ids of old points as they are.
std::string id_of(const ResolvedConfig& config, const std::vector<std::string>& axes,
                  const Values& defaults) {
  std::string all;
  for (const ConfigEntry& entry : config.entries) {
    const bool is_axis = std::ranges::find(axes, entry.key) != axes.end();
    if (entry.value == defaults.at(entry.key) || (is_operational(entry.key) && !is_axis)) continue;
    all += entry.key + " = " + entry.value + "\n";
  }
  return sha256(all).substr(0, kIdDigits);
}

std::string without_seed(const SweepPoint& point) {
  std::string all;
  for (const auto& [key, value] : point.values)
    if (key != kSeedKey) all += key + " = " + value + "\n";
  return all;
}

// The problems of many points: each once, with its place, how many points have it, and the first of
// them.
class PointProblems {
 public:
  explicit PointProblems(const std::map<std::string, std::string>& sources) : sources_(sources) {}

  void add(const SweepPoint& point, const std::string& problem) {
    const std::string placed = place(problem);
    const auto [found, is_new] = known_.emplace(placed, list_.size());
    if (is_new) list_.push_back({placed, values_text(point), 0});
    ++list_[found->second].count;
  }
  void list(int64_t points, std::vector<std::string>& all) const {
    for (const auto& [problem, first, count] : list_) {
      const std::string at = first.empty() ? "" : (count > 1 ? ", the first " : ", ") + first;
      all.push_back(problem + text(" (in %ld of %ld points", count, points) + at + ")");
    }
  }

 private:
  struct Known {
    std::string problem;
    std::string first;
    int64_t count = 0;
  };

  // "--set: KEY ..." of a key that the sweep sets begins with the place in its file.
  std::string place(const std::string& problem) const {
    constexpr std::string_view kSet = "--set: ";
    if (!problem.starts_with(kSet)) return problem;
    const std::string rest = problem.substr(kSet.size());
    const auto found = sources_.find(rest.substr(0, rest.find_first_of(": ")));
    return found == sources_.end() ? problem : found->second + ": " + rest;
  }

  const std::map<std::string, std::string>& sources_;
  std::map<std::string, size_t> known_;
  std::vector<Known> list_;
};

// Images of packs, each looked at once; none where there is no pack (yet), or none that can be
// read: training says why.
class PackImages {
 public:
  std::optional<int64_t> of(const fs::path& pack) {
    const auto known = images_.find(pack);
    if (known != images_.end()) return known->second;
    std::optional<int64_t> images;
    std::error_code code;
    try {
      if (fs::exists(pack / "pack.json", code)) images = read_pack_manifest(pack).images;
    } catch (const Error&) {
    }
    return images_[pack] = images;
  }

 private:
  std::map<fs::path, std::optional<int64_t>> images_;
};

int64_t steps_of(const RunOptions& options, PackImages& packs) {
  const std::optional<int64_t> images = packs.of(options.data.train);
  if (!images && options.schedule.images <= 0) return 0;
  const int64_t an_epoch =
      images ? SampleOrder(options.seed, *images, options.batch.global).steps_per_epoch() : 1;
  return Schedule(options.schedule, an_epoch, options.batch.global).last_step();
}

class Planner {
 public:
  Planner(SweepFile file, const fs::path& path, const std::vector<std::string>& overrides)
      : file_(std::move(file)), overrides_(overrides), point_problems_(file_.sources) {
    plan_.name = file_.name;
    plan_.file = normal_path(path);
    plan_.config = file_.config;
    plan_.keys = file_.keys;
    plan_.metric = file_.metric;
    plan_.higher_is_better = is_higher_better(file_.metric);
    plan_.max_parallel = file_.max_parallel;
    plan_.halving = file_.halving;
    for (const ConfigEntry& entry : default_entries()) defaults_[entry.key] = entry.value;
  }

  SweepPlan plan(const fs::path& out) {
    plan_.out = normal_path(out.empty() ? file_.out : out);
    problems_ = file_.problems;
    require_overrides_beside_axes();
    if (!file_.config.empty()) make_points();
    throw_if_problems();
    return std::move(plan_);
  }

 private:
  void require_overrides_beside_axes() {
    for (const std::string& assignment : overrides_) {
      const std::string key = assignment.substr(0, assignment.find('='));
      if (std::ranges::find(file_.keys, key) != file_.keys.end()) {
        problems_.push_back("--set " + assignment + ": the sweep has an axis of it, at " +
                            file_.sources.at(key));
      }
    }
  }

  void make_points() {
    CheckedConfig base;
    try {
      base = check_config(file_.config, settings_of({}));
    } catch (const UsageError& problem) {
      problems_.push_back(file_.config_source + ": config: " + problem.what());
      return;
    }
    const bool is_given = file_.sources.contains("optimizer.base_batch") ||
                          base.config.options.optimizer.base_batch != 0;
    if (file_.base_batch_of_config && !is_given)
      file_.common.emplace_back("optimizer.base_batch",
                                toml_text(base.config.options.batch.global));
    if (combinations(file_.axes) > kMostSweepPoints) {
      problems_.push_back(plan_.file.string() + ": the axes have more than " +
                          std::to_string(kMostSweepPoints) + " combinations; leave values out");
      return;
    }
    const std::vector<Assignment> all = expand(file_, values_of(base.config));
    for (const Assignment& values : all) add_point(values);
    point_problems_.list(static_cast<int64_t>(all.size()), problems_);
    check_halving();
  }

  std::vector<std::string> settings_of(const Assignment& values) const {
    std::vector<std::string> settings;
    settings.reserve(file_.common.size() + overrides_.size() + values.size());
    for (const auto& [key, value] : file_.common) settings.push_back(key + "=" + value);
    settings.insert(settings.end(), overrides_.begin(), overrides_.end());
    for (const auto& [key, value] : values) settings.push_back(key + "=" + value);
    return settings;
  }

  void add_point(const Assignment& values) {
    SweepPoint point;
    point.values = values;
    point.settings = settings_of(values);
    const CheckedConfig checked = check_config(plan_.config, point.settings);
    for (const std::string& problem : checked.problems) point_problems_.add(point, problem);
    const RunOptions& options = checked.config.options;
    point.batch = options.batch.global;
    point.per_device = options.batch.per_device;
    if (checked.problems.empty()) count_steps(checked.config, point);
    point.id = id_of(checked.config, file_.keys, defaults_);
    point.folder = plan_.out / point.id;
    point.settings.push_back("run.name=" + toml_text(plan_.name + "-" + point.id));
    const auto [known, is_new] = ids_.emplace(point.id, plan_.points.size());
    if (!is_new) {
      plan_.duplicates.push_back(values_text(point) + ": the same as point " +
                                 std::to_string(known->second) + ", " +
                                 values_text(plan_.points[known->second]));
      return;
    }
    point.index = static_cast<int64_t>(plan_.points.size());
    point.group = groups_.emplace(without_seed(point), std::ssize(groups_)).first->second;
    note_packs(options);
    plan_.points.push_back(std::move(point));
  }

  void count_steps(const ResolvedConfig& config, SweepPoint& point) {
    const RunOptions& options = config.options;
    try {
      point.steps = steps_of(options, packs_);
    } catch (const UsageError& problem) {
      const auto entry = std::ranges::find(config.entries, problem.where(), &ConfigEntry::key);
      const std::string source = entry == config.entries.end() ? "" : entry->source + ": ";
      point_problems_.add(point, source + problem.what());
    }
    if (plan_.halving.rungs.empty()) return;
    if (needs_evaluation(plan_.metric) && options.data.eval.empty())
      point_problems_.add(point, file_.halving_source + ": halving by " + plan_.metric +
                                     " needs evaluations, and data.eval is empty");
  }

  void note_packs(const RunOptions& options) {
    for (const std::string& pack : {options.data.train, options.data.eval}) {
      const bool known = std::ranges::find(plan_.packs, pack) != plan_.packs.end();
      if (!pack.empty() && !known) plan_.packs.push_back(pack);
    }
  }

  // Its rungs are steps, which must be known and apart.
  void check_halving() {
    if (plan_.halving.rungs.empty() || !problems_.empty()) return;
    int64_t unknown = 0;
    int64_t shortest = 0;
    for (const SweepPoint& point : plan_.points) {
      if (point.steps == 0) ++unknown;
      if (point.steps == 0 || rungs_are_apart(point.steps)) continue;
      if (shortest == 0 || point.steps < shortest) shortest = point.steps;
    }
    if (unknown > 0) {
      problems_.push_back(file_.halving_source +
                          text(": halving.rungs are shares of steps, and of %ld points nobody "
                               "knows how many they have: no training pack is at ",
                               unknown) +
                          (plan_.packs.empty() ? "data.train" : plan_.packs.front()) +
                          "; pack it first, or give samples");
    }
    if (shortest > 0) {
      problems_.push_back(
          file_.halving_source +
          text(": halving.rungs are no different steps in a point of %ld steps", shortest));
    }
  }
  bool rungs_are_apart(int64_t steps) const {
    int64_t before = 0;
    for (const double share : plan_.halving.rungs) {
      const int64_t step = step_of_rung(steps, share);
      if (step <= before || step >= steps) return false;
      before = step;
    }
    return true;
  }

  void throw_if_problems() const {
    if (problems_.empty()) return;
    std::string all =
        problems_.size() == 1 ? "1 mistake:" : std::to_string(problems_.size()) + " mistakes:";
    const size_t told = std::min(problems_.size(), kTomlMostProblems);
    for (size_t i = 0; i < told; ++i) all += "\n  " + problems_[i];
    if (told < problems_.size())
      all += "\n  and " + std::to_string(problems_.size() - told) + " more";
    throw UsageError(all, "sweep " + plan_.file.string(),
                     "docs/sweeps.md has every key, `catamaran config keys` those of a "
                     "configuration");
  }

  SweepFile file_;
  const std::vector<std::string>& overrides_;
  SweepPlan plan_;
  Values defaults_;
  PackImages packs_;
  PointProblems point_problems_;
  std::map<std::string, size_t> ids_;
  std::map<std::string, int64_t> groups_;
  std::vector<std::string> problems_;
};

}  // namespace

SweepPlan read_sweep_plan(const fs::path& file, const std::vector<std::string>& overrides,
                          const fs::path& out) {
  std::error_code code;
  if (!fs::exists(file, code)) {
    throw UsageError("there is no such file", file.string(),
                     "name a sweep file, like configs/sweeps/demo.toml, or the folder of a sweep");
  }
  return Planner(read_sweep_file(file), file, overrides).plan(out);
}

SweepPlan read_sweep(const fs::path& given, const std::vector<std::string>& overrides,
                     const fs::path& out) {
  std::error_code code;
  const bool is_folder = fs::is_directory(given, code);
  if (!is_folder && given.extension() != ".json") return read_sweep_plan(given, overrides, out);
  if (!overrides.empty() || !out.empty()) {
    throw UsageError("a sweep that was prepared is as it is", given.string(),
                     "give the sweep file with --set and --out, and prepare it again");
  }
  return read_prepared_plan(is_folder ? newest_plan(given) : given);
}

const SweepPoint& point_of(const SweepPlan& plan, int64_t index) {
  if (index >= 0 && index < std::ssize(plan.points)) return plan.points[static_cast<size_t>(index)];
  throw UsageError("there is no point " + std::to_string(index), plan.file.string(),
                   "it has " + std::to_string(plan.points.size()) + ", from 0");
}

std::string values_text(const SweepPoint& point) {
  std::string all;
  for (const auto& [key, value] : point.values)
    all += (all.empty() ? "" : ", ") + key + " = " + plain_of_toml(value);
  return all;
}

void require_ranks(const SweepPlan& plan, int64_t ranks) {
  std::vector<std::string> wrong;
  std::set<std::string> known;
  for (const SweepPoint& point : plan.points) {
    try {
      split_batch(point.batch, point.per_device, static_cast<int>(ranks));
    } catch (const UsageError& problem) {
      if (known.insert(problem.what()).second)
        wrong.push_back(text("point %ld (", point.index) + values_text(point) +
                        "): " + problem.what());
    }
  }
  if (wrong.empty()) return;
  std::string all = text("not every point can be trained on %ld ranks:", ranks);
  for (const std::string& one : wrong) all += "\n  " + one;
  throw UsageError(all, plan.file.string(), "choose another number of ranks, or other batches");
}

std::string array_text(const std::vector<int64_t>& indices) {
  std::string all;
  for (size_t i = 0; i < indices.size();) {
    size_t last = i;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    all += (all.empty() ? "" : ",") + std::to_string(indices[i]);
    if (last > i) all += "-" + std::to_string(indices[last]);
    i = last + 1;
  }
  return all;
}

}  // namespace catamaran
