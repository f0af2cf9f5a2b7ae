#include "monitoring/recorded_run.h"

#include <algorithm>
#include <charconv>

#include "monitoring/run_log.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/json.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kLargestDataBytes = int64_t{128} << 20;
using nlohmann::json;

constexpr int64_t kLargestTextBytes = int64_t{4} << 20;
constexpr int64_t kLargestPictureBytes = int64_t{32} << 20;

std::string read_whole(const fs::path& path, int64_t largest_bytes) {
  const FileDescriptor file = open_for_reading(path);
  const int64_t bytes = file_bytes(file, path);
  if (bytes > largest_bytes) {
    throw UsageError("the file has " + std::to_string(bytes) + " bytes, more than the limit of " +
                         std::to_string(largest_bytes),
                     path.string(), "is it the right file?");
  }
  std::string content(static_cast<size_t>(bytes), '\0');
  read_exactly_at(file, 0, content.data(), bytes, path);
  return content;
}

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
double epoch_of(const std::string& name, const json& root, const std::vector<StepReport>& steps) {
  const std::string prefix = "epoch-";
  if (name.rfind(prefix, 0) == 0) {
    int64_t epoch = 0;
    const char* end = name.data() + name.size();
    const auto [stop, failure] = std::from_chars(name.data() + prefix.size(), end, epoch);
    if (failure == std::errc() && stop == end) return static_cast<double>(epoch);
  }
  if (steps.empty()) return 0;
  const auto last_step = root.value("step", steps.back().step);
  const auto at = std::find_if(steps.begin(), steps.end(),
                               [&](const StepReport& r) { return r.step >= last_step; });
  return static_cast<double>((at == steps.end() ? steps.back() : *at).epoch + 1);
}

RecordedEvaluation read_evaluation(const fs::path& path, const std::vector<StepReport>& steps) {
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
  try {
    evaluation.epoch = epoch_of(evaluation.name, root, steps);
    evaluation.weights = root.value("weights", "");
  } catch (const json::exception&) {
    throw_json_field("step' or 'weights", "has the wrong type", path.string(), ErrorKind::kUsage);
  }
  return evaluation;
}

std::vector<RecordedEvaluation> read_evaluations(const fs::path& folder,
                                                 const std::vector<StepReport>& steps) {
  std::vector<RecordedEvaluation> evaluations;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    const fs::path& path = at->path();
    const bool hidden = path.filename().string().front() == '.';  // a temporary of a write
    if (path.extension() == ".json" && !hidden) evaluations.push_back(read_evaluation(path, steps));
  }
  std::sort(evaluations.begin(), evaluations.end(),
            [](const RecordedEvaluation& a, const RecordedEvaluation& b) {
              return std::pair(a.epoch, a.name) < std::pair(b.epoch, b.name);
            });
  return evaluations;
}

// explain.json names files beside it; anything else could embed any file of this machine.
std::string read_picture(const fs::path& folder, const std::string& name, const fs::path& index) {
  constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n";
  const fs::path file(name);
  if (name.empty() || file.filename() != file || name == ".." || name == ".") {
    throw UsageError("the picture '" + name + "' is not a file of this folder", index.string(),
                     "run `catamaran explain` again");
  }
  std::string png = read_whole(folder / file, kLargestPictureBytes);
  if (png.rfind(kPngMagic, 0) != 0) {
    throw UsageError("is not a PNG picture", (folder / file).string(),
                     "run `catamaran explain` again");
  }
  return png;
}

std::vector<ExplainedImage> read_explained(const fs::path& folder) {
  const fs::path index = folder / "explain.json";
  std::error_code code;
  if (!fs::exists(index, code)) return {};
  std::vector<ExplainedImage> images;
  const json root = read_json_file(index, ErrorKind::kUsage);
  for (const json& entry : field<std::vector<json>>(root, "images", index)) {
    ExplainedImage image;
    image.image = field<std::string>(entry, "image", index);
    image.picture_png = read_picture(folder, field<std::string>(entry, "picture", index), index);
    for (const json& label : field<std::vector<json>>(entry, "labels", index)) {
      image.labels.push_back(
          {field<std::string>(label, "label", index), field<double>(label, "probability", index),
           read_picture(folder, field<std::string>(label, "overlay", index), index),
           label.contains("verdict") ? field<std::string>(label, "verdict", index) : ""});
    }
    images.push_back(std::move(image));
  }
  return images;
}

std::string name_of(const fs::path& folder, const json& manifest) {
  const auto run = manifest.is_object() ? manifest.find("run") : manifest.end();
  if (run != manifest.end() && run->is_string() && !run->get<std::string>().empty())
    return run->get<std::string>();
  return fs::absolute(folder / "").parent_path().filename().string();
}

}  // namespace

const RecordedEvaluation* RecordedRun::best() const {
  const auto best = std::max_element(
      evaluations.begin(), evaluations.end(),
      [](const RecordedEvaluation& a, const RecordedEvaluation& b) { return a.map < b.map; });
  return best == evaluations.end() ? nullptr : &*best;
}

RecordedRun read_recorded_run(const fs::path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) {
    throw UsageError("there is no such run directory", folder.string(),
                     "name run directories of `catamaran train`");
  }
  try {
    RecordedRun run;
    run.folder = folder;
    run.config = read_whole(folder / "config.toml", kLargestTextBytes);
    run.manifest = read_json_file(folder / "manifest.json", ErrorKind::kUsage);
    run.name = name_of(folder, run.manifest);
    run.steps = read_run_log(folder / "metrics.jsonl");
    run.evaluations = read_evaluations(folder / "eval", run.steps);
    run.explained = read_explained(folder / "explain");
    if (fs::exists(folder / "data.json", code))
      run.data = read_json_file(folder / "data.json", ErrorKind::kUsage, kLargestDataBytes);
    return run;
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {  // whatever is wrong with a file, the folder was the user's choice
    throw UsageError(error.what(), "", "");
  }
}

}  // namespace catamaran
