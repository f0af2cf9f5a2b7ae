#include "launch/sweep_file.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "launch/config.h"
#include "launch/sweep_draws.h"
#include "launch/sweep_metric.h"
#include "support/nearest.h"
#include "support/normal_path.h"
#include "support/problems.h"
#include "support/toml_reader.h"
#include "support/toml_text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSeedKey = "run.seed";

bool is_list(const std::string& value) { return value.starts_with("["); }

// A word that may be part of a path and of a metric's label.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 100 && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

// Reads the parts in turn; what is wrong is collected.
class SweepFileReader {
 public:
  explicit SweepFileReader(const fs::path& file) : file_(normal_path(file)) {
    for (const ConfigEntry& entry : default_entries()) config_keys_.push_back(entry.key);
    reader_.load(file_);
  }

  SweepFile read() {
    read_heads();
    read_recipe();
    read_common();
    read_axes();
    read_seeds();
    read_conditions();
    read_halving();
    result_.problems = reader_.problems();
    return std::move(result_);
  }

 private:
  void problem(const std::string& source, const std::string& sentence) {
    reader_.add_problem(source + ": " + sentence);
  }
  void require(bool holds, const std::string& key, const std::string& rule) {
    if (!holds) problem(place_of(key), key + ": " + rule);
  }

  std::string place_of(const std::string& key) const {
    return reader_.has(key) ? reader_.source(key) : file_.string();
  }

  // A setting of a key, by an axis or for all points. False where it cannot be one.
  bool claim(const std::string& key, const std::string& source) {
    if (std::ranges::find(config_keys_, key) == config_keys_.end()) {
      problem(source,
              "there is no configuration key '" + key + "'" + did_you_mean(key, config_keys_));
      return false;
    }
    if (key == "run.name") {
      problem(source, "run.name is made of the sweep's name and the point's id");
      return false;
    }
    const auto [known, is_new] = result_.sources.emplace(key, source);
    if (!is_new) problem(source, key + " is given already, at " + known->second);
    return is_new;
  }
  bool claim_axis(const std::string& key, const std::string& source) {
    const bool is_mine = claim(key, source);
    if (is_mine) result_.keys.push_back(key);
    return is_mine;
  }
  bool is_value(const TomlItem& item, const std::string& key) {
    if (!item.value.empty()) return true;
    problem(item.source, key + " must be a number, text, true, false or a list of those");
    return false;
  }

  void read_heads() {
    result_.name = file_.stem().string();
    reader_.read("name", result_.name);
    require(is_plain_name(result_.name), "name",
            "'" + result_.name + "' must be letters, digits, '-', '_' and '.' alone");
    std::string config;
    reader_.read("config", config);
    require(reader_.has("config"), "config", "names the configuration that the points begin with");
    if (!config.empty()) result_.config = normal_path(file_.parent_path() / config);
    result_.config_source = place_of("config");
    std::string out = "runs/" + result_.name;
    reader_.read("out", out);
    require(!out.empty(), "out", "must name a folder");
    result_.out = out;
    reader_.read("metric", result_.metric);
    Problems metric(place_of("metric") + ": ");
    metric.require_one_of("metric", result_.metric, metric_names());
    for (const std::string& sentence : metric.take()) reader_.add_problem(sentence);
    reader_.read("max_parallel", result_.max_parallel);
    require(result_.max_parallel >= 0 && result_.max_parallel <= kMostSweepPoints, "max_parallel",
            "must be 0 (no bound) to 10000");
    reader_.read("seed", seed_);
    reader_.read("points", draws_);
    require(draws_ >= 0 && draws_ <= kMostSweepPoints, "points", "must be 1 to 10000");
  }

  // Names of the sweep for configuration keys that large batches ask for together.
  void read_recipe() {
    read_alias("samples", "schedule.images");
    read_alias("warmup_samples", "schedule.warmup_images");
    std::string scaling;
    reader_.read("scaling", scaling);
    int64_t base_batch = 0;
    reader_.read("base_batch", base_batch);
    require(scaling.empty() || scaling == "none" || scaling == "linear" || scaling == "sqrt",
            "scaling", "'" + scaling + "' is not known; use one of none, linear, sqrt");
    require(!reader_.has("base_batch") || base_batch > 0, "base_batch", "must be 1 or more");
    require(!reader_.has("base_batch") || reader_.has("scaling"), "base_batch",
            "has no effect without scaling");
    if (scaling.empty()) return;
    if (claim("optimizer.scaling", reader_.source("scaling")))
      result_.common.emplace_back("optimizer.scaling", toml_text(scaling));
    if (scaling == "none") return;
    result_.base_batch_of_config = base_batch <= 0;
    if (base_batch > 0 && claim("optimizer.base_batch", reader_.source("base_batch")))
      result_.common.emplace_back("optimizer.base_batch", toml_text(base_batch));
  }
  void read_alias(const std::string& name, const std::string& key) {
    int64_t value = 0;
    reader_.read(name, value);
    if (!reader_.has(name)) return;
    require(value > 0, name, "must be 1 or more");
    if (claim(key, reader_.source(name))) result_.common.emplace_back(key, toml_text(value));
  }

  void read_common() {
    for (const TomlItem& item : reader_.read_table("set")) {
      if (is_value(item, item.key) && claim(item.key, item.source))
        result_.common.emplace_back(item.key, item.value);
    }
  }

  void read_axes() {
    std::set<std::string> begun;  // kinds that are one axis however many keys they have
    for (const TomlItem& item : reader_.read_table("axes")) {
      const std::string kind = item.key.substr(0, item.key.find('.'));
      const std::string key = item.key.substr(std::min(item.key.size(), kind.size() + 1));
      if (kind == "grid" && !key.empty()) {
        read_grid(key, item.source);
      } else if (kind == "zip" && !key.empty()) {
        if (begun.insert(kind).second) zip_ = new_axis();
        read_zip(key, item.source);
      } else if (kind == "random" && !key.empty()) {
        if (begun.insert(kind).second) random_ = new_axis();
        read_random(key, item);
      } else if (item.key == "list") {
        read_points_one_by_one();
      } else {
        problem(item.source, "there is no axis '" + item.key + "'" +
                                 did_you_mean(kind, {"grid", "zip", "list", "random"}) +
                                 "; axes stand in [axes.grid], [axes.zip], [[axes.list]] and "
                                 "[axes.random]");
      }
    }
    require(!begun.contains("random") || draws_ > 0, "points",
            "is needed by [axes.random]: how many points are drawn");
    require(begun.contains("random") || !reader_.has("points"), "points",
            "has no effect without [axes.random]");
    if (begun.contains("random")) make_draws();
  }
  size_t new_axis() {
    result_.axes.emplace_back();
    return result_.axes.size() - 1;
  }

  void read_grid(const std::string& key, const std::string& source) {
    const bool is_mine = claim_axis(key, source);
    SweepAxis axis;
    for (const std::string& value : values_of("axes.grid." + key, source))
      axis.alternatives.push_back({{key, value}});
    if (is_mine) result_.axes.push_back(std::move(axis));
  }
  std::vector<std::string> values_of(const std::string& path, const std::string& source) {
    const std::optional<std::vector<std::string>> values = reader_.read_list(path);
    if (values && values->empty()) problem(source, path + " is empty");
    return values.value_or(std::vector<std::string>());
  }

  void read_zip(const std::string& key, const std::string& source) {
    const bool is_mine = claim_axis(key, source);
    const std::vector<std::string> values = values_of("axes.zip." + key, source);
    std::vector<Assignment>& rows = result_.axes[zip_].alternatives;
    if (values.empty() || !is_mine) return;
    if (rows.empty()) rows.resize(values.size());
    if (rows.size() != values.size()) {
      problem(source, "axes.zip." + key + " has " + std::to_string(values.size()) +
                          " values, and the first list of [axes.zip] has " +
                          std::to_string(rows.size()));
      return;
    }
    for (size_t i = 0; i < values.size(); ++i) rows[i].emplace_back(key, values[i]);
  }

  void read_points_one_by_one() {
    SweepAxis axis;
    std::map<std::string, bool> claimed;  // a key may be in each table
    for (const std::vector<TomlItem>& table : reader_.read_tables("axes.list")) {
      Assignment one;
      for (const TomlItem& item : table) {
        if (!is_value(item, item.key)) continue;
        if (!claimed.contains(item.key)) claimed[item.key] = claim_axis(item.key, item.source);
        if (claimed[item.key]) one.emplace_back(item.key, item.value);
      }
      axis.alternatives.push_back(std::move(one));
    }
    result_.axes.push_back(std::move(axis));
  }

  // "optimizer.learning_rate.log_uniform" = [1e-4, 1e-2]
  void read_random(const std::string& path, const TomlItem& item) {
    const size_t dot = path.rfind('.');
    const std::string kind = dot == std::string::npos ? "" : path.substr(dot + 1);
    const std::vector<std::string> kinds = draw_kinds();
    if (std::ranges::find(kinds, kind) == kinds.end()) {
      problem(item.source, "axes.random." + path + ": '" + kind + "' is no way to draw" +
                               did_you_mean(kind, kinds) +
                               "; give one of { uniform = [a, b] }, { log_uniform = [a, b] }, "
                               "{ int = [a, b] }, { choice = [...] }");
      return;
    }
    RandomAxis axis;
    axis.key = path.substr(0, dot);
    const bool is_mine = claim_axis(axis.key, item.source);
    const auto values = reader_.read_list("axes.random." + path);
    if (!values) return;
    const std::string wrong = fill_axis(kind, *values, axis);
    if (!wrong.empty()) {
      problem(item.source, "axes.random." + path + " " + wrong);
    } else if (is_mine) {
      drawn_.push_back(std::move(axis));
    }
  }
  void make_draws() {
    for (int64_t number = 0; number < draws_; ++number) {
      Assignment one;
      for (const RandomAxis& axis : drawn_) one.emplace_back(axis.key, draw(axis, seed_, number));
      result_.axes[random_].alternatives.push_back(std::move(one));
    }
  }

  void read_seeds() {
    if (!reader_.has("seeds")) return;
    const std::string source = reader_.source("seeds");
    SweepAxis axis;
    std::set<std::string> known;
    for (const std::string& seed : values_of("seeds", source)) {
      uint64_t number = 0;
      const auto [end, code] = std::from_chars(seed.data(), seed.data() + seed.size(), number);
      const bool is_number = code == std::errc() && end == seed.data() + seed.size();
      if (!is_number) {
        problem(source, "seeds must be whole numbers that are not negative, not " + seed);
      } else if (!known.insert(seed).second) {
        problem(source, "seeds has " + seed + " twice");
      } else {
        axis.alternatives.push_back({{kSeedKey, seed}});
      }
    }
    if (claim_axis(kSeedKey, source)) result_.axes.push_back(std::move(axis));
  }

  // [when] KEY = { ON = VALUE or a list }: both have dots, so the cut is where an axis's key ends.
  void read_conditions() {
    for (const TomlItem& item : reader_.read_table("when")) {
      std::string key;
      for (const std::string& axis : result_.keys) {
        if (item.key.starts_with(axis + ".") && axis.size() > key.size()) key = axis;
      }
      if (key.empty()) {
        const std::string typed = before_config_key(item.key);
        problem(item.source,
                "when: there is no axis of '" + typed + "'" + did_you_mean(typed, result_.keys));
        continue;
      }
      const std::string on = item.key.substr(key.size() + 1);
      if (std::ranges::find(config_keys_, on) == config_keys_.end()) {
        problem(item.source, "when: there is no configuration key '" + on + "'" +
                                 did_you_mean(on, config_keys_));
        continue;
      }
      if (!is_value(item, "when." + item.key)) continue;
      result_.conditions.push_back({key, on,
                                    is_list(item.value) ? values_of("when." + item.key, item.source)
                                                        : std::vector<std::string>{item.value}});
    }
  }

  // The beginning of "KEY.ON" where ON is a key of the configuration; else all of it.
  std::string before_config_key(const std::string& both) const {
    for (size_t dot = both.find('.'); dot != std::string::npos; dot = both.find('.', dot + 1)) {
      if (std::ranges::find(config_keys_, both.substr(dot + 1)) != config_keys_.end())
        return both.substr(0, dot);
    }
    return both;
  }

  void read_halving() {
    SweepHalving& halving = result_.halving;
    reader_.read("halving.rungs", halving.rungs);
    reader_.read("halving.keep", halving.keep);
    result_.halving_source = reader_.source("halving.rungs");
    bool ascending = true;
    double before = 0;
    for (const double rung : halving.rungs) {
      ascending = ascending && rung > before && rung < 1;
      before = rung;
    }
    require(ascending, "halving.rungs",
            "must be shares of a point's steps that ascend, between 0 and 1");
    require(halving.keep > 0 && halving.keep < 1, "halving.keep", "must be between 0 and 1");
    require(!reader_.has("halving.keep") || !halving.rungs.empty(), "halving.keep",
            "has no effect without halving.rungs");
  }

  fs::path file_;
  TomlReader reader_;
  std::vector<std::string> config_keys_;
  SweepFile result_;
  uint64_t seed_ = 1;
  int64_t draws_ = 0;
  std::vector<RandomAxis> drawn_;
  size_t zip_ = 0;
  size_t random_ = 0;
};

}  // namespace

SweepFile read_sweep_file(const fs::path& file) { return SweepFileReader(file).read(); }

}  // namespace catamaran
