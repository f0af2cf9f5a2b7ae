// The log: one line each on stderr, with the rank in front once there are several. stdout is left
// to results.
//
//   configure_log(rank, world);                        // once, in main
//   log::info(text("packed %ld images", count));       // rank 0 only
//
// Warnings and errors are printed by every rank, information by rank 0. Thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "support/text.h"

namespace catamaran {

void configure_log(int rank, int world);

// A second place for the log: `path`, one JSON object a line (time in unix seconds, level, rank,
// message), appended, until the object goes away. What cannot be written there is still on stderr,
// where it is also said that lines are left out (support/line_file.h).
// Made and destroyed while no other thread logs. Errors: UsageError if the file cannot be opened.
class LogFile {
 public:
  LogFile(const std::filesystem::path& path, int rank);
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();
  // A line for the file alone: the error that main will print.
  void record_error(const std::string& line);

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
