#include "monitoring/log_follower.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/json.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;

std::optional<LogLine> line_of(const std::string& text) {
  try {
    const json object = parse_json(text, "", ErrorKind::kUsage);
    const auto message = json_value_or<std::string>(object, "message", "");
    if (message.empty()) return std::nullopt;
    return LogLine{.unix_seconds = json_value_or<double>(object, "time", 0),
                   .level = printable(json_value_or<std::string>(object, "level", "info")),
                   .message = printable(message)};
  } catch (const Error&) {  // torn, or none of ours
    return std::nullopt;
  }
}

}  // namespace

LogFollower::LogFollower(std::filesystem::path path, size_t lines_at_first)
    : path_(std::move(path)), lines_at_first_(lines_at_first) {}

std::vector<LogLine> LogFollower::take() {
  std::vector<LogLine> lines;
  const FileDescriptor file(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return lines;
  if (status.st_ino != file_ || status.st_size < offset_) offset_ = 0;
  file_ = status.st_ino;
  const int64_t from = std::max(offset_, int64_t{status.st_size} - kMostBytes);
  std::string text(static_cast<size_t>(std::max<int64_t>(0, status.st_size - from)), '\0');
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), from);
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, got)));
  const size_t whole = text.rfind('\n') + 1;  // 0: no end of a line yet
  const bool begins_within = from > offset_;
  size_t begin = begins_within ? std::min(text.find('\n'), whole - 1) + 1 : 0;
  while (begin < whole) {
    const size_t end = text.find('\n', begin);
    if (std::optional<LogLine> line = line_of(text.substr(begin, end - begin)))
      lines.push_back(std::move(*line));
    begin = end + 1;
  }
  if (whole > 0) offset_ = from + static_cast<int64_t>(whole);
  if (std::exchange(is_first_, false) && lines.size() > lines_at_first_)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(lines_at_first_));
  return lines;
}

}  // namespace catamaran
