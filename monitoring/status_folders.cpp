#include "monitoring/status_folders.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAdvice = "name run directories of `catamaran train`, or a folder of them";

bool has(const fs::path& folder, const char* name) {
  std::error_code code;
  return fs::exists(folder / name, code);
}

bool has_checkpoints(const fs::path& folder) {
  std::error_code code;
  return fs::is_directory(folder / "checkpoints", code);
}

// What `submit` and sweeps put there before the first start.
bool waits_for_a_start(const fs::path& folder) {
  constexpr std::array<const char*, 2> kFiles = {"submitted.json", "point.json"};
  return std::ranges::any_of(kFiles, [&](const char* name) { return has(folder, name); });
}

bool is_of_another_kind(const fs::path& folder) {
  return has(folder, "pack.json") || has(folder, "state.json");
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

class Search {
 public:
  // False where there is none in it.
  bool add(const fs::path& folder, int depth) {
    if (looks_like_a_run(folder)) {
      std::error_code code;
      if (known_.insert(fs::weakly_canonical(folder / "", code)).second)
        found_.runs.push_back(folder);
      return true;
    }
    if (depth == 0 || is_of_another_kind(folder)) return false;
    bool any = false;
    for (const fs::path& inner : sub_folders(folder)) {
      if (++looked_at_ > StatusFolders::kMostFolders) {
        found_.is_cut = true;
        break;
      }
      any = add(inner, depth - 1) || any;
    }
    return any;
  }
  StatusFolders take() { return std::move(found_); }

 private:
  StatusFolders found_;
  std::set<fs::path> known_;
  int64_t looked_at_ = 0;
};

}  // namespace

bool looks_like_a_run(const fs::path& folder) {
  constexpr std::array<const char*, 4> kFiles = {"metrics.jsonl", "log.jsonl", "failure.json",
                                                 "manifest.json"};
  return std::ranges::any_of(kFiles, [&](const char* name) { return has(folder, name); }) ||
         has_checkpoints(folder) || waits_for_a_start(folder);
}

std::vector<fs::path> status_folders_or_default(const std::vector<fs::path>& named) {
  std::error_code code;
  if (!named.empty()) return named;
  return {fs::is_directory("runs", code) ? "runs" : "."};
}

StatusFolders find_status_folders(const std::vector<fs::path>& named) {
  Search search;
  for (const fs::path& folder : named) {
    std::error_code code;
    if (!fs::exists(folder, code))
      throw UsageError("there is no such folder", folder.string(), kAdvice);
    if (!fs::is_directory(folder, code)) throw UsageError("is no folder", folder.string(), kAdvice);
    if (!search.add(folder, StatusFolders::kDeepest))
      throw UsageError("is no run directory, and there is none in it", folder.string(), kAdvice);
  }
  return search.take();
}

}  // namespace catamaran
