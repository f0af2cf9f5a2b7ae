// The last lines of a file that grows and may be of any length, or anybody's: metrics.jsonl,
// log.jsonl of a run.
//
//   const FileEnd end = end_of_file(run / "metrics.jsonl", 64 << 10);
//   for (const std::string& line : end.lines) ...                 // in the file's order
//
// At most so many bytes are read. A line that begins before them is left out; the last one may have
// no end, as it is being written or was torn. Where the path leads to something else than a file,
// nothing is read, and nothing waits. Errors: none; `problem` says what is wrong. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace catamaran {

struct FileEnd {
  bool exists = false;
  std::vector<std::string> lines;   // without their ends
  int64_t bytes = 0;                // of the whole file
  double changed_unix_seconds = 0;  // by the file system's clock
  std::string problem;              // a clause: "cannot be opened: Permission denied"; empty: none
};

FileEnd end_of_file(const std::filesystem::path& path, int64_t most_bytes);

// When the file, or what else is there, was last changed; 0 where there is none.
double changed_unix_seconds(const std::filesystem::path& path);

}  // namespace catamaran
