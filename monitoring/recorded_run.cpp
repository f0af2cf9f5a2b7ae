#include "monitoring/recorded_run.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "monitoring/recorded_explanation.h"
#include "monitoring/recorded_files.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kLargestTextBytes = int64_t{4} << 20;
constexpr int64_t kLargestDataBytes = int64_t{128} << 20;
constexpr int64_t kEndOfLogBytes = int64_t{4} << 20;
constexpr int64_t kEndOfRanksBytes = int64_t{64} << 20;
constexpr size_t kMostWarnings = 200;
constexpr size_t kMostProblems = 20;

template <typename T>
T field(const json& object, const char* key, const fs::path& path) {
  return json_field<T>(object, key, path.string(), ErrorKind::kUsage);
}

FMeasures read_f_measures(const json& object, const fs::path& path) {
  FMeasures f;
  f.op = field<double>(object, "op", path);
  f.orr = field<double>(object, "or", path);
  f.of1 = field<double>(object, "of1", path);
  f.cp = field<double>(object, "cp", path);
  f.cr = field<double>(object, "cr", path);
  f.cf1 = field<double>(object, "cf1", path);
  return f;
}

// Epochs trained when the evaluation was made: from the file's name, else from its step in the log,
// else the end of the log.
double epoch_of(const std::string& name, int64_t step, const std::vector<RecordedStep>& steps) {
  const std::string prefix = "epoch-";
  if (name.starts_with(prefix)) {
    int64_t epoch = 0;
    const char* end = name.data() + name.size();
    const auto [stop, failure] = std::from_chars(name.data() + prefix.size(), end, epoch);
    if (failure == std::errc() && stop == end) return static_cast<double>(epoch);
  }
  if (steps.empty()) return 0;
  const int64_t last_step = step > 0 ? step : steps.back().step;
  const auto at =
      std::ranges::find_if(steps, [&](const RecordedStep& s) { return s.step >= last_step; });
  return static_cast<double>((at == steps.end() ? steps.back() : *at).epoch + 1);
}

RecordedEvaluation read_evaluation(const fs::path& path, const std::vector<RecordedStep>& steps) {
  const json root = read_json_file(path, ErrorKind::kUsage);
  RecordedEvaluation evaluation;
  evaluation.name = path.stem().string();
  evaluation.map = field<double>(root, "map", path);
  evaluation.protocol = field<std::string>(root, "protocol", path);
  evaluation.images = field<int64_t>(root, "images", path);
  evaluation.all = read_f_measures(root, path);
  evaluation.top3 = read_f_measures(field<json>(root, "top3", path), path);
  const json ap = field<json>(root, "ap", path);
  for (const auto& [label, value] : ap.items()) {
    const bool has_value = !value.is_null();
    evaluation.ap.emplace_back(
        label, has_value ? std::optional(field<double>(ap, label.c_str(), path)) : std::nullopt);
  }
  evaluation.step = whole_in(root, "step", 0);
  evaluation.epoch = epoch_of(evaluation.name, evaluation.step, steps);
  evaluation.weights = text_in(root, "weights");
  return evaluation;
}

// The files of a folder that are whole: temporaries of a write are hidden.
std::vector<fs::path> json_files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    const bool hidden = at->path().filename().string().starts_with('.');
    if (at->path().extension() == ".json" && !hidden) files.push_back(at->path());
  }
  std::ranges::sort(files);
  return files;
}

// What is missing or broken becomes a problem of the run; everything else is a mistake of ours.
class Reader {
 public:
  explicit Reader(RecordedRun& run) : run_(run) {}

  template <typename Read>
  void attempt(const std::string& file, Read&& read) {
    try {
      read();
    } catch (const Error& problem) {
      note(problem.what());
    } catch (const json::exception&) {
      note((run_.folder / file).string() + ": it is of another version, or damaged");
    }
  }
  // The same of a file that every run has.
  template <typename Read>
  void require(const std::string& file, Read&& read) {
    std::error_code code;
    if (fs::exists(run_.folder / file, code)) {
      attempt(file, std::forward<Read>(read));
    } else {
      note((run_.folder / file).string() + ": it is missing");
    }
  }
  void note(const std::string& problem) {
    if (run_.problems.size() < kMostProblems) run_.problems.push_back(problem);
  }

 private:
  RecordedRun& run_;
};

void read_curves(RecordedRun& run, Reader& reader) {
  std::vector<std::string> names;  // the best evaluation's, then the newest first
  if (const RecordedEvaluation* best = run.best()) names.push_back(best->name);
  for (auto at = run.evaluations.rbegin(); at != run.evaluations.rend(); ++at) {
    if (at->name != names.front()) names.push_back(at->name);
  }
  for (const std::string& name : names) {
    const std::string file = "curves/" + name + ".json";
    std::error_code code;
    if (!fs::exists(run.folder / file, code)) continue;
    reader.attempt(file, [&] {
      run.curves = recorded_curves(read_json_file(run.folder / file, ErrorKind::kUsage), name);
    });
    if (run.curves) return;
  }
}

RankTimes rank_times_of(const json& line) {
  RankTimes times;
  times.step = line.at("step").get<int64_t>();
  times.seconds = line.at("compute_seconds").get<std::vector<double>>();
  times.wait_seconds = line.at("data_wait_seconds").get<std::vector<double>>();
  times.wait_seconds.resize(times.seconds.size(), 0);
  for (size_t rank = 0; rank < times.seconds.size(); ++rank)
    times.seconds[rank] += times.wait_seconds[rank];
  return times;
}

void read_lines(RecordedRun& run, Reader& reader) {
  reader.attempt("ranks.jsonl", [&] {
    for_each_line_of_end(run.folder / "ranks.jsonl", kEndOfRanksBytes,
                         [&](const json& line) { run.ranks.push_back(rank_times_of(line)); });
  });
  reader.attempt("events.jsonl", [&] {
    for_each_line_of_end(run.folder / "events.jsonl", kEndOfLogBytes, [&](const json& line) {
      if (text_in(line, "event") != "checkpoint") return;
      run.checkpoints.push_back({number_in(line, "unix_seconds", 0), whole_in(line, "step", 0),
                                 text_in(line, "kind"), flag_in(line, "ok", false),
                                 whole_in(line, "bytes", 0), number_in(line, "write_seconds", 0),
                                 number_in(line, "stall_seconds", 0)});
    });
  });
  reader.attempt("log.jsonl", [&] {
    for_each_line_of_end(run.folder / "log.jsonl", kEndOfLogBytes, [&](const json& line) {
      const std::string level = text_in(line, "level");
      if (level != "warning" && level != "error" && level != "critical") return;
      run.warnings.push_back({number_in(line, "time", 0), level == "warning" ? level : "error",
                              whole_in(line, "rank", 0), text_in(line, "message")});
    });
  });
  if (run.warnings.size() > kMostWarnings)
    run.warnings.erase(run.warnings.begin(), run.warnings.end() - kMostWarnings);
}

void read_point(RecordedRun& run, Reader& reader) {
  const fs::path path = run.folder / "point.json";
  std::error_code code;
  if (!fs::exists(path, code)) return;
  reader.attempt("point.json", [&] {
    const json root = read_json_file(path, ErrorKind::kUsage);
    RecordedPoint point;
    point.id = field<std::string>(root, "id", path);
    point.index = whole_in(root, "index", 0);
    const json values = field<json>(root, "values", path);
    for (const auto& [key, value] : values.items()) point.values.emplace_back(key, value);
    run.point = std::move(point);
  });
}

std::string name_of(const RecordedRun& run) {
  const std::string name = text_in(run.manifest, "run");
  if (!name.empty()) return name;
  return fs::absolute(run.folder / "").parent_path().filename().string();
}

void require_a_run(const fs::path& folder) {
  constexpr std::array<const char*, 5> kFiles = {"manifest.json", "metrics.jsonl", "config.toml",
                                                 "point.json", "eval"};
  std::error_code code;
  if (!fs::is_directory(folder, code)) {
    throw UsageError("there is no such run directory", folder.string(),
                     "name run directories of `catamaran train`");
  }
  const bool any = std::ranges::any_of(
      kFiles, [&](const char* file) { return fs::exists(folder / file, code); });
  if (!any)
    throw UsageError("holds no file of a run", folder.string(),
                     "name run directories of `catamaran train`");
}

}  // namespace

const RecordedEvaluation* RecordedRun::best() const {
  const auto best = std::ranges::max_element(evaluations, {}, &RecordedEvaluation::map);
  return best == evaluations.end() ? nullptr : &*best;
}

json RecordedRun::newest_life() const {
  if (!manifest.is_object()) return {};
  const auto lives = manifest.find("lives");
  if (lives == manifest.end() || !lives->is_array() || lives->empty()) return {};
  return lives->back().is_object() ? lives->back() : json();
}

RecordedRun read_recorded_run(const fs::path& folder) {
  require_a_run(folder);
  RecordedRun run;
  run.folder = folder;
  Reader reader(run);
  read_point(run, reader);
  // A point of a sweep that nobody has started has nothing else, and lacks nothing.
  std::error_code code;
  if (run.point && !fs::exists(folder / "manifest.json", code) &&
      !fs::exists(folder / "metrics.jsonl", code)) {
    run.name = name_of(run);
    return run;
  }
  reader.require("config.toml", [&] {
    run.config = read_whole(folder / "config.toml", kLargestTextBytes);
    run.settings = recorded_settings(run.config);
  });
  reader.require("manifest.json", [&] {
    run.manifest = read_json_file(folder / "manifest.json", ErrorKind::kUsage);
  });
  run.name = name_of(run);
  reader.require("metrics.jsonl", [&] {
    RecordedSteps log = read_recorded_steps(folder / "metrics.jsonl");
    run.steps = std::move(log.steps);
    if (log.left_out > 0)
      reader.note((folder / "metrics.jsonl").string() + ": " + std::to_string(log.left_out) +
                  (log.left_out == 1 ? " line is no step" : " lines are no steps"));
  });
  for (const fs::path& file : json_files_in(folder / "eval"))
    reader.attempt("eval/" + file.filename().string(),
                   [&] { run.evaluations.push_back(read_evaluation(file, run.steps)); });
  std::ranges::stable_sort(run.evaluations, {},
                           [](const RecordedEvaluation& e) { return std::pair(e.epoch, e.name); });
  read_curves(run, reader);
  read_lines(run, reader);
  run.explained = read_explained(folder / "explain", run.problems);
  if (fs::exists(folder / "data.json", code))
    reader.attempt("data.json", [&] {
      run.data = read_json_file(folder / "data.json", ErrorKind::kUsage, kLargestDataBytes);
    });
  return run;
}

}  // namespace catamaran
