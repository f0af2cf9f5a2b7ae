// Which runs a user means: run directories are taken as they are, and a folder that is none stands
// for the runs in it.
//
//   for (const std::filesystem::path& run : find_runs({"runs"})) ...    // runs/a, runs/b, by name
//
// A folder that has neither manifest.json nor metrics.jsonl, but sub-folders with one of them, or
// with a sweep's point.json, is a folder of runs; one level is looked at. What a run lacks is
// told by who reads it. A run that was named already counts once. Errors: UsageError where a folder
// is neither. Thread-safe.
#pragma once

#include <filesystem>
#include <vector>

namespace catamaran {

std::vector<std::filesystem::path> find_runs(const std::vector<std::filesystem::path>& named);

}  // namespace catamaran
