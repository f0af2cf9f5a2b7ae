#include "launch/bad_nodes.h"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <ctime>
#include <map>
#include <optional>
#include <sstream>

#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostBytes = int64_t{1} << 20;
constexpr size_t kMostTold = 10;

// "2026-11-25T02:49:00Z"
std::optional<double> parse_time(const std::string& word) {
  std::tm utc{};
  const char* end = ::strptime(word.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<double>(::timegm(&utc));
}

void note(std::vector<std::string>& left_out, const std::string& what) {
  if (left_out.size() < kMostTold) left_out.push_back(printable(what));
}

// The newest part of it, from the begin of a line on.
std::string end_of_file(const FileDescriptor& file, const fs::path& path) {
  const int64_t bytes = file_bytes(file, path);
  const int64_t from = std::max<int64_t>(0, bytes - kMostBytes);
  std::string text(static_cast<size_t>(bytes - from), '\0');
  read_exactly_at(file, from, text.data(), std::ssize(text), path);
  if (from > 0) text.erase(0, text.find('\n') == std::string::npos ? 0 : text.find('\n') + 1);
  return text;
}

}  // namespace

bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '-' &&
         std::ranges::all_of(name, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
         });
}

BadNodes parse_bad_nodes(std::string_view text, const std::string& where, double now) {
  BadNodes bad;
  std::map<std::string, BadNode> by_name;
  std::istringstream lines{std::string(text)};
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string name, time, reason;
    if (!(words >> name) || name.starts_with('#')) continue;
    words >> time >> std::ws;
    std::getline(words, reason);
    const std::optional<double> at = parse_time(time);
    if (!is_node_name(name) || !at) {
      note(bad.left_out, where + ": line " + std::to_string(number) +
                             " is no NODE TIME REASON with a time like 2026-11-25T02:49:00Z");
      continue;
    }
    BadNode& node = by_name[name];
    if (*at >= node.unix_seconds) node = {name, *at, printable(reason)};
  }
  for (auto& [name, node] : by_name) {
    if (node.unix_seconds + kBadNodeSeconds > now) bad.nodes.push_back(std::move(node));
  }
  return bad;
}

BadNodes read_bad_nodes(const fs::path& path, double now) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return {};
  try {
    if (!file) throw UsageError(with_errno("cannot be read", errno), path.string(), "");
    return parse_bad_nodes(end_of_file(file, path), path.string(), now);
  } catch (const Error& problem) {
    BadNodes none;
    note(none.left_out, problem.what());
    return none;
  }
}

}  // namespace catamaran
