// LineFile: a log that is appended line by line and outlives storage that takes no more for a while
// (full, over its quota, broken): a line that cannot be written is left out as a whole.
//
//   LineFile file(run_dir / "metrics.jsonl");
//   if (const std::optional<LineFileNews> news = file.append(line)) log::warn(news->text);
//
// What was written of a line before an error is taken back; where that fails, too, and where an
// earlier process was killed within its last line, the next line begins with an end of line, so
// that the broken one spoils no other. News is of the first line that is left out and of the first
// that is written after that, at most once in kSecondsBetweenNews. Errors: UsageError where the
// file cannot be opened. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "support/clock.h"
#include "support/file_descriptor.h"

namespace catamaran {

struct LineFileNews {
  bool works = false;  // again
  std::string text;    // a sentence that names the file
};

class LineFile {
 public:
  static constexpr double kSecondsBetweenNews = 60;

  // clock: steady seconds.
  explicit LineFile(std::filesystem::path path, std::function<double()> clock = steady_seconds);
  std::optional<LineFileNews> append(const std::string& line);

 private:
  std::optional<LineFileNews> left_out(int number);
  std::optional<LineFileNews> written();

  std::filesystem::path path_;
  std::function<double()> clock_;
  FileDescriptor file_;
  bool is_torn_ = false;           // its last line has no end
  bool is_out_ = false;            // the newest line could not be written
  bool was_told_ = false;          // of that
  std::optional<double> told_at_;  // steady seconds
  int64_t missing_ = 0;            // lines, since news was last told
};

}  // namespace catamaran
