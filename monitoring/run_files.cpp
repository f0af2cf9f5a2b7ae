#include "monitoring/run_files.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "support/clock.h"
#include "support/error.h"
#include "support/file_beginning.h"
#include "support/file_descriptor.h"
#include "support/file_end.h"
#include "support/json.h"
#include "support/text.h"
#include "support/toml_reader.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kEndBytes = int64_t{64} << 10;   // of metrics.jsonl and log.jsonl: some 90 steps
constexpr size_t kLongestName = 64;                // bytes of checkpoints/latest
constexpr size_t kMostEvaluations = 4096;          // names that are looked at
constexpr int64_t kLargestNumber = 1'000'000'000;  // in a name, and of steps in an epoch

bool is_there(const fs::path& path) {
  std::error_code code;
  return fs::exists(path, code);
}

// Null where there is none, and with a problem where it cannot be understood.
json read_json_or_null(const fs::path& path, std::vector<std::string>& problems) {
  if (!is_there(path)) return {};
  try {
    return read_json_file(path, ErrorKind::kUsage);
  } catch (const Error& problem) {
    // One that is replaced at this moment is no problem.
    if (is_there(path)) problems.emplace_back(problem.what());
    return {};
  }
}

std::vector<json> objects_of(const FileEnd& end) {
  std::vector<json> objects;
  for (const std::string& line : end.lines) {
    try {
      json object = parse_json(line, "", ErrorKind::kUsage);
      if (object.is_object()) objects.push_back(std::move(object));
    } catch (const Error&) {  // torn by a kill or a full disk, or being written
    }
  }
  return objects;
}

std::vector<json> read_lines(const fs::path& path, std::vector<std::string>& problems) {
  const FileEnd end = end_of_file(path, kEndBytes);
  if (!end.problem.empty()) problems.push_back(path.string() + ": " + end.problem);
  std::vector<json> objects = objects_of(end);
  // One line may be torn.
  if (objects.empty() && end.lines.size() > 1)
    problems.push_back(path.string() + ": none of its newest lines is a JSON object");
  return objects;
}

std::vector<json> read_steps(const fs::path& path, std::vector<std::string>& problems) {
  std::vector<json> lines = read_lines(path, problems);
  const bool had_lines = !lines.empty();
  std::erase_if(lines,
                [](const json& line) { return json_value_or<int64_t>(line, "step", 0) < 1; });
  if (had_lines && lines.empty())
    problems.push_back(path.string() + ": none of its newest lines is a step");
  return lines;
}

void read_manifest(const fs::path& path, RunFiles& files) {
  const json manifest = read_json_or_null(path, files.problems);
  if (manifest.is_null()) return;
  const json lives = json_value_or<json>(manifest, "lives", json());
  if (!lives.is_array()) {
    files.problems.push_back(path.string() + ": has no list 'lives' of a run's starts");
    return;
  }
  files.name = json_value_or<std::string>(manifest, "run", "");
  for (const json& life : lives) {
    if (life.is_object()) files.lives.push_back(life);
  }
  if (files.lives.size() != lives.size())
    files.problems.push_back(path.string() + ": some of its 'lives' are no objects");
}

std::string read_latest(const fs::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string name = beginning_of(file, kLongestName);
  while (!name.empty() && (name.back() == '\n' || name.back() == ' ')) name.pop_back();
  return name;
}

void read_checkpoint(const fs::path& run, RunFiles& files) {
  const fs::path latest = run / "checkpoints" / "latest";
  if (!is_there(latest)) return;
  const std::string name = read_latest(latest);
  if (!is_numbered_name(name, "step-", 8)) {
    files.problems.push_back(latest.string() + ": names no checkpoint");
    return;
  }
  const fs::path state = run / "checkpoints" / name / "state.json";
  files.checkpoint = read_json_or_null(state, files.problems);
  if (files.checkpoint.is_null() && !is_there(state)) {
    // Written and deleted while this was read: the newer name is for the next look.
    if (read_latest(latest) == name)
      files.problems.push_back(latest.string() + ": names " + name + ", which is not there");
    return;
  }
  files.latest = name;
  files.checkpoint_unix_seconds = changed_unix_seconds(state);
}

std::string name_of_folder(const fs::path& run) {
  return fs::absolute(run / "").parent_path().filename().string();
}

struct EvaluationName {
  std::string file;
  int64_t step = 0;  // of "step-00000012"; of an epoch its last one
};

// None for a name that no run gives.
std::optional<int64_t> number_behind(const std::string& stem, const std::string& prefix) {
  int64_t number = 0;
  const char* const end = stem.data() + stem.size();
  if (!stem.starts_with(prefix)) return std::nullopt;
  const auto [stop, code] = std::from_chars(stem.data() + prefix.size(), end, number);
  if (code != std::errc() || stop != end || number < 0 || number > kLargestNumber)
    return std::nullopt;
  return number;
}

std::vector<EvaluationName> names_of_evaluations(const fs::path& folder, int64_t steps_per_epoch) {
  std::vector<EvaluationName> names;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    const fs::path& path = at->path();
    if (path.extension() != ".json" || names.size() == kMostEvaluations) continue;
    const std::string stem = path.stem().string();
    if (const auto epoch = number_behind(stem, "epoch-"))
      names.push_back({path.filename().string(),
                       *epoch * std::clamp<int64_t>(steps_per_epoch, 1, kLargestNumber)});
    if (const auto step = number_behind(stem, "step-"))
      names.push_back({path.filename().string(), *step});
  }
  std::ranges::sort(names, [](const EvaluationName& a, const EvaluationName& b) {
    return std::pair(b.step, b.file) < std::pair(a.step, a.file);
  });
  return names;
}

}  // namespace

RunFiles read_run_files(const fs::path& run) {
  RunFiles files;
  std::error_code code;
  if (!fs::is_directory(run, code)) {
    if (is_there(run)) files.problems.push_back(run.string() + ": is no folder");
    files.name = name_of_folder(run);
    return files;
  }
  read_manifest(run / "manifest.json", files);
  if (files.name.empty()) files.name = name_of_folder(run);
  files.failure = read_json_or_null(run / "failure.json", files.problems);
  files.failure_unix_seconds = json_value_or<double>(files.failure, "unix_seconds",
                                                     changed_unix_seconds(run / "failure.json"));
  files.steps = read_steps(run / "metrics.jsonl", files.problems);
  files.log = read_lines(run / "log.jsonl", files.problems);
  files.submitted = read_json_or_null(run / "submitted.json", files.problems);
  files.outcome = read_json_or_null(run / "outcome.json", files.problems);
  read_checkpoint(run, files);
  for (const char* name : {"manifest.json", "metrics.jsonl", "log.jsonl", "failure.json"})
    files.changed_unix_seconds =
        std::max(files.changed_unix_seconds, changed_unix_seconds(run / name));
  files.changed_unix_seconds = std::max(files.changed_unix_seconds, files.checkpoint_unix_seconds);
  files.lock = look_at_lock(run / "lock", unix_seconds(), files.changed_unix_seconds);
  if (files.lock.is_held) {
    files.changed_unix_seconds =
        std::max(files.changed_unix_seconds, files.lock.renewed_unix_seconds);
  }
  return files;
}

std::vector<RunEvaluation> read_run_evaluations(const fs::path& run, int64_t steps_per_epoch,
                                                size_t most, std::vector<std::string>& problems) {
  const fs::path folder = run / "eval";
  std::vector<RunEvaluation> evaluations;
  for (const EvaluationName& name : names_of_evaluations(folder, steps_per_epoch)) {
    if (evaluations.size() == most) break;
    const fs::path path = folder / name.file;
    const size_t problems_before = problems.size();
    const json root = read_json_or_null(path, problems);
    const json map = json_value_or<json>(root, "map", json());
    if (map.is_number()) {
      evaluations.push_back({json_value_or<int64_t>(root, "step", name.step), map.get<double>()});
    } else if (problems.size() == problems_before && is_there(path)) {
      problems.push_back(path.string() + ": has no number 'map'");
    }
  }
  return evaluations;
}

std::optional<RunPlan> read_run_plan(const fs::path& run) {
  const fs::path path = run / "config.toml";
  std::error_code code;
  if (!fs::is_regular_file(path, code)) return std::nullopt;
  try {
    TomlReader reader;
    reader.load(path);
    RunPlan plan;
    reader.read("batch.global", plan.global_batch);
    reader.read("schedule.epochs", plan.epochs);
    reader.read("schedule.max_steps", plan.max_steps);
    return plan;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace catamaran
