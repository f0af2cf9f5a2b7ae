// Which run directories a user means who asks how runs are: also those that are damaged, half
// deleted, of another version, or not started yet.
//
//   const StatusFolders found = find_status_folders({"runs"});      // runs/a,
//   runs/sweep/3f9a1c20d4e1
//
// A folder with something of a run in it is one, as is a folder that waits for its start
// (submitted.json, point.json). Any other stands for the runs in it, up to kDeepest levels below;
// packs, checkpoints and hidden folders are not looked into. A run that was named already counts
// once. Whole runs only, for reports: monitoring/run_folders.h. Errors: UsageError where a folder
// is not there, is none, or is no run and holds none. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace catamaran {

struct StatusFolders {
  static constexpr int kDeepest = 3;
  static constexpr int64_t kMostFolders = 20'000;  // that are looked at

  std::vector<std::filesystem::path> runs;  // by name within what was named
  bool is_cut = false;                      // there were more folders than that
};

StatusFolders find_status_folders(const std::vector<std::filesystem::path>& named);

// What was named; where nothing was, runs/ where there is such a folder, else this folder.
std::vector<std::filesystem::path> status_folders_or_default(
    const std::vector<std::filesystem::path>& named);

// There is something of a run in it, or it waits for one.
bool looks_like_a_run(const std::filesystem::path& folder);

}  // namespace catamaran
