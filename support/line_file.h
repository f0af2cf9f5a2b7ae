// LineFile: a log that is appended line by line and outlives storage that takes no more for a while
// (full, over its quota, broken): a line that cannot be written is left out as a whole.
//
//   LineFile file(run_dir / "metrics.jsonl");
//   if (const std::optional<LineFileNews> news = file.append(line)) log::warn(news->text);
//   LineFile bounded(run_dir / "log.jsonl", {.largest_bytes = 32 << 20});   // NAME.1 holds older
//
// What was written of a line before an error is taken back; where that fails, too, and where an
// earlier process was killed within its last line, the next line begins with an end of line, so
// that the broken one spoils no other. News: support/append_file.h. A bounded log takes a new file
// when it holds half of its bytes, so that at least as many of the newest stay; where the old one
// cannot be put aside it goes on in that. Errors: UsageError where the file cannot be opened. One
// thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "support/append_file.h"
#include "support/clock.h"

namespace catamaran {

using LineFileNews = AppendNews;

struct LineFileBound {
  int64_t largest_bytes = 0;  // of the file and the one before it; 0: none
};

class LineFile {
 public:
  explicit LineFile(const std::filesystem::path& path,
                    const std::function<double()>& clock = steady_seconds);
  LineFile(const std::filesystem::path& path, LineFileBound bound);
  std::optional<LineFileNews> append(const std::string& line);

 private:
  AppendFile file_;
  bool is_torn_;  // its last line has no end
  LineFileBound bound_;
};

}  // namespace catamaran
