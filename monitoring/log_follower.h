// LogFollower: what is added to RUN/log.jsonl from look to look, for those who watch a run.
//
//   LogFollower log(run / "log.jsonl", 5);         // the newest 5 lines come with the first look
//   for (const LogLine& line : log.take()) ...
//
// Whole lines only; one that is no line of a log is left out. A look reads kMostBytes at most, of
// more the newest. The file may come later, be put aside for a new one, or be cut. Errors: none.
// One thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace catamaran {

struct LogLine {
  double unix_seconds = 0;
  std::string level;    // info, warning, error
  std::string message;  // may have several lines
};

class LogFollower {
 public:
  static constexpr int64_t kMostBytes = int64_t{256} << 10;

  LogFollower(std::filesystem::path path, size_t lines_at_first);
  std::vector<LogLine> take();

 private:
  std::filesystem::path path_;
  size_t lines_at_first_;
  bool is_first_ = true;
  ino_t file_ = 0;
  int64_t offset_ = 0;  // of what has been taken
};

}  // namespace catamaran
