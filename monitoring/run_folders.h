// Which runs a user means: run directories are taken as they are, and a folder that is none stands
// for the runs in it.
//
//   const RunFolders found = find_runs({"runs"});        // runs/a, runs/b, in the order of names
//
// A folder that has neither manifest.json nor metrics.jsonl, but sub-folders with all files of a
// run, is a folder of runs; one level is looked at. A run that was named already counts once.
// Errors: UsageError where a folder is neither. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace catamaran {

struct RunFolders {
  std::vector<std::filesystem::path> runs;
  // Sub-folders that have some of a run's files and lack another: "runs/c: metrics.jsonl is
  // missing".
  std::vector<std::string> left_out;
};

RunFolders find_runs(const std::vector<std::filesystem::path>& named);

}  // namespace catamaran
