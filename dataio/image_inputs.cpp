#include "dataio/image_inputs.h"

#include <glob.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <set>

#include "dataio/text_lines.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int kPollMilliseconds = 100;  // how soon a wish to stop is seen

void collect(const fs::path& folder, std::set<fs::path>& seen, std::vector<std::string>& found) {
  std::error_code code;
  if (!seen.insert(fs::canonical(folder, code)).second) return;  // a link back up
  fs::directory_iterator entries(folder, code);
  if (code) {
    throw DataError(with_errno("cannot read the folder", code.value()), folder.string(),
                    "check its permissions");
  }
  for (const fs::directory_entry& entry : entries) {
    if (entry.is_directory(code)) {
      collect(entry.path(), seen, found);
    } else if (entry.is_regular_file(code) && has_jpeg_name(entry.path().string())) {
      found.push_back(entry.path().string());
    }
  }
}

std::vector<std::string> pictures_in(const std::string& folder) {
  std::vector<std::string> found;
  std::set<fs::path> seen;
  collect(folder, seen, found);
  if (found.empty()) {
    throw DataError("the folder holds no *.jpg or *.jpeg, nor do the folders in it", folder,
                    "name the folder of the pictures");
  }
  std::sort(found.begin(), found.end());
  return found;
}

struct GlobResult {
  glob_t matches{};
  GlobResult() = default;
  GlobResult(const GlobResult&) = delete;
  GlobResult& operator=(const GlobResult&) = delete;
  ~GlobResult() { ::globfree(&matches); }
};

std::vector<std::string> matches_of(const std::string& pattern) {
  GlobResult result;
  const int code = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &result.matches);
  if (code == GLOB_NOMATCH) {
    throw DataError("nothing fits the pattern", pattern,
                    "check it, in quotes, with `ls`: * and ? do not cross a /");
  }
  if (code != 0)
    throw DataError("the pattern could not be followed", pattern, "name the files or their folder");
  std::vector<std::string> found;
  for (size_t i = 0; i < result.matches.gl_pathc; ++i)
    found.emplace_back(result.matches.gl_pathv[i]);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

bool has_jpeg_name(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg";
}

ImageInputs::ImageInputs(const std::vector<std::string>& given, int list) : list_(list) {
  std::error_code code;
  bool listed = false;
  const auto add = [&](const std::string& path) {
    if (!fs::is_directory(path, code)) {
      paths_.push_back(path);
    } else {
      for (std::string& picture : pictures_in(path)) paths_.push_back(std::move(picture));
    }
  };
  for (const std::string& name : given) {
    if (name == "-") {
      if (!listed) paths_.emplace_back();
      listed = true;
    } else if (name.empty()) {
      throw DataError("the name of a picture is empty", "command line", "check the variable in it");
    } else if (!fs::exists(name, code) && name.find_first_of("*?[") != std::string::npos) {
      for (const std::string& match : matches_of(name)) add(match);
    } else {
      add(name);
    }
  }
  if (!listed) count_ = std::ssize(paths_);
}

std::optional<std::string> ImageInputs::next(const std::stop_token& stop) {
  while (!paths_.empty()) {
    if (paths_.front().empty()) {
      if (std::optional<std::string> line = next_line(stop)) return line;
      if (!list_ended_) return std::nullopt;  // stopped
      paths_.pop_front();
      continue;
    }
    std::string path = std::move(paths_.front());
    paths_.pop_front();
    return path;
  }
  return std::nullopt;
}

std::optional<std::string> ImageInputs::next_line(const std::stop_token& stop) {
  while (true) {
    const size_t end = read_.find('\n');
    if (end != std::string::npos || (list_ended_ && !read_.empty())) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end == std::string::npos ? end : end + 1);
      ++lines_;
      if (lines_ == 1 && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
      if (line.find('\0') != std::string::npos) {
        throw DataError("line " + std::to_string(lines_) + " holds a NUL byte", "standard input",
                        "give one path a line: of `find`, -print and not -print0");
      }
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty()) return line;
      continue;
    }
    if (list_ended_) return std::nullopt;
    pollfd waiting{.fd = list_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPollMilliseconds) <= 0) {
      if (stop.stop_requested()) return std::nullopt;
      continue;
    }
    char buffer[65536];
    const ssize_t got = ::read(list_, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw DataError(with_errno("cannot read the list", errno), "standard input",
                      "check what feeds it");
    if (got == 0) list_ended_ = true;
    read_.append(buffer, static_cast<size_t>(std::max<ssize_t>(0, got)));
  }
}

}  // namespace catamaran
