// The log: one line each on stderr, with the rank in front once there are several. stdout is left
// to results.
//
//   configure_log(rank, world);                        // once, in main
//   log::info(text("packed %ld images", count));       // rank 0 only
//
// Information is printed by rank 0 alone; warnings and errors by every rank, as the one that has
// them may be the only one left. A line of progress on a terminal (support/progress.h) makes room.
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {

void configure_log(int rank, int world);

// A second place for the log: `path`, one JSON object a line (time in unix seconds, level, rank,
// message), appended, until the object goes away; of every rank, information too. At most
// kLargestBytes, or kLargestBytesOfOthers of a rank but 0, stay, the older half in NAME.1. What
// cannot be written there is still on stderr, where it is also said that lines are left out
// (support/line_file.h). Made and destroyed while no other thread logs. Errors: UsageError if the
// file cannot be opened.
class LogFile {
 public:
  static constexpr int64_t kLargestBytes = int64_t{32} << 20;
  static constexpr int64_t kLargestBytesOfOthers = int64_t{4} << 20;

  LogFile(const std::filesystem::path& path, int rank);
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();
  // A line for the file alone: the error that main will print. It has the error's kind as "kind",
  // by which it is known as the end of a start.
  void record_end(const Error& error);

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
};

namespace log {
void info(const std::string& line);
void warn(const std::string& line);
void error(const std::string& line);
}  // namespace log

}  // namespace catamaran
