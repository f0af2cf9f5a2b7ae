#include "monitoring/run_folders.h"

#include <algorithm>
#include <set>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

bool has(const fs::path& folder, const char* file) {
  std::error_code code;
  return fs::is_regular_file(folder / file, code);
}

// A config.toml alone may be anybody's.
bool looks_like_a_run(const fs::path& folder) {
  return has(folder, "manifest.json") || has(folder, "metrics.jsonl") || has(folder, "point.json");
}

std::vector<fs::path> sub_folders(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    std::error_code unreadable;
    const bool hidden = at->path().filename().string().starts_with('.');
    if (!hidden && at->is_directory(unreadable)) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

fs::path identity(const fs::path& folder) {
  std::error_code code;
  return fs::weakly_canonical(folder / "", code);
}

// Adds the runs of a folder of runs; false where there is none.
bool add_runs_in(const fs::path& folder, std::set<fs::path>& known, std::vector<fs::path>& runs) {
  bool holds_runs = false;
  for (const fs::path& inner : sub_folders(folder)) {
    if (!looks_like_a_run(inner)) continue;
    holds_runs = true;
    if (known.insert(identity(inner)).second) runs.push_back(inner);
  }
  return holds_runs;
}

}  // namespace

std::vector<fs::path> find_runs(const std::vector<fs::path>& named) {
  std::vector<fs::path> runs;
  std::set<fs::path> known;
  for (const fs::path& folder : named) {
    std::error_code code;
    const bool may_hold_runs = !looks_like_a_run(folder) && fs::is_directory(folder, code);
    if (may_hold_runs && add_runs_in(folder, known, runs)) continue;
    if (may_hold_runs && !has(folder, "config.toml"))
      throw UsageError("is no run directory, and there is none in it", folder.string(),
                       "name run directories of `catamaran train`, or a folder of them");
    if (known.insert(identity(folder)).second)
      runs.push_back(folder);  // what it lacks is told when it is read
  }
  return runs;
}

}  // namespace catamaran
