#include "launch/path_checks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <utility>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEmpty = "is empty; give a path, or leave the option out";
constexpr const char* kPng = ".png";
constexpr std::array<const char*, 11> kFilesOfARun = {
    "lock",        "log.jsonl",    "metrics.jsonl", "config.toml",         "samples.jsonl",
    "ranks.jsonl", "events.jsonl", "manifest.json", "metrics-address.txt", "trace.json",
    "final.prom"};
constexpr std::array<const char*, 5> kFoldersOfARun = {"eval", "curves", "explain", "logs",
                                                       "tensorboard"};

bool is_file(const fs::path& path) {
  std::error_code code;
  return fs::is_regular_file(path, code);
}

fs::path whole_path(const fs::path& path) {
  std::error_code code;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path, code), code);
  return whole.has_filename() ? whole : whole.parent_path();
}

std::string ending_of(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

bool is_run(const fs::path& folder) {
  std::error_code code;
  return is_file(folder / "manifest.json") && fs::is_directory(folder / "checkpoints", code);
}

// "" where the path is nobody's: else whose it is.
std::string owner_of(const fs::path& path) {
  const fs::path whole = whole_path(path);
  const fs::path run = whole.parent_path();
  if (is_run(run) &&
      std::find(kFilesOfARun.begin(), kFilesOfARun.end(), whole.filename()) != kFilesOfARun.end())
    return "is a file of the run " + run.string();
  for (fs::path folder = whole; folder != folder.root_path(); folder = folder.parent_path()) {
    if (is_file(folder / "pack.json")) return "is in the pack " + folder.string();
    if (is_file(folder / "state.json") && is_file(folder / "model.safetensors"))
      return "is in the checkpoint " + folder.string();
    const bool kept = std::find(kFoldersOfARun.begin(), kFoldersOfARun.end(), folder.filename()) !=
                      kFoldersOfARun.end();
    if (folder != whole && kept && is_run(folder.parent_path()))
      return "is a file of the run " + folder.parent_path().string();
    if (folder.filename() == "checkpoints" && is_file(folder.parent_path() / "manifest.json"))
      return "is among the checkpoints of " + folder.parent_path().string();
  }
  return "";
}

std::string problem_of_result(const fs::path& path, const std::vector<std::string>& endings) {
  std::error_code code;
  if (path.empty()) return kEmpty;
  if (!path.has_filename() || fs::is_directory(path, code))
    return path.string() + " is a folder; name a file in it";
  if (const std::string owner = owner_of(path); !owner.empty())
    return path.string() + " " + owner + "; name a file elsewhere";
  if (!fs::exists(path, code)) return "";
  if (!is_file(path)) return path.string() + " is there and no file; name a file";
  if (std::find(endings.begin(), endings.end(), ending_of(path)) != endings.end()) return "";
  std::string known;
  for (const std::string& ending : endings) known += (known.empty() ? "" : ", ") + ending;
  return path.string() + " is there already and its name does not end in " + known +
         ": it is not replaced; name another file, or delete it first";
}

std::string problem_of_folder(const std::string& given) {
  if (given.empty()) return kEmpty;
  const std::string owner = owner_of(given);
  return owner.empty() ? "" : printable(given + " " + owner + "; choose another place");
}

}  // namespace

CLI::Validator not_empty() {
  return {[](std::string& given) { return given.empty() ? kEmpty : std::string(); }, ""};
}

CLI::Validator result_file(std::vector<std::string> endings) {
  return {[endings = std::move(endings)](std::string& given) {
            return printable(problem_of_result(given, endings));
          },
          "FILE"};
}

CLI::Validator png_file() {
  return {[](std::string& given) -> std::string {
            const std::string problem = problem_of_result(given, {kPng});
            if (!problem.empty() || ending_of(given) == kPng) return printable(problem);
            return printable(given) +
                   " would hold a PNG, the one kind of picture that is written; "
                   "give a name that ends in .png";
          },
          "FILE"};
}

CLI::Validator new_folder() {
  return {[](std::string& given) -> std::string {
            std::error_code code;
            if (!given.empty() && fs::exists(fs::symlink_status(whole_path(given), code)))
              return printable(given) + " exists already; choose another name, or delete it first";
            return problem_of_folder(given);
          },
          "FOLDER"};
}

CLI::Validator result_folder() { return {problem_of_folder, "FOLDER"}; }

CLI::Validator at_least(int64_t least) {
  return {[least](std::string& given) -> std::string {
            int64_t value = 0;
            if (CLI::detail::lexical_cast(given, value) && value >= least) return "";
            return "'" + printable(given) + "' is no whole number from " + std::to_string(least) +
                   " on";
          },
          "NUMBER from " + std::to_string(least) + " on"};
}

CLI::Validator probability() {
  return {[](std::string& given) -> std::string {
            double value = -1;
            if (CLI::detail::lexical_cast(given, value) && value >= 0 && value <= 1) return "";
            return "'" + printable(given) + "' is no number from 0 to 1";
          },
          "0 to 1"};
}

void require_different_files(const std::string& option, const std::string& file,
                             const std::vector<std::pair<std::string, std::string>>& others) {
  if (file.empty()) return;
  for (const auto& [other_option, other_file] : others) {
    if (other_file.empty() || whole_path(file) != whole_path(other_file)) continue;
    throw UsageError("it names the same file as " + other_option, option + " " + file,
                     "name another file");
  }
}

}  // namespace catamaran
