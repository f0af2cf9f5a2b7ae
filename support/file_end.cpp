#include "support/file_end.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// What is there of so many bytes: the file may shrink meanwhile.
std::string read_at(const FileDescriptor& file, int64_t offset, int64_t bytes) {
  std::string text(static_cast<size_t>(bytes), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::pread(file.get(), text.data() + done, text.size() - done,
                                offset + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  text.resize(done);
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

FileEnd end_of_file(const std::filesystem::path& path, int64_t most_bytes) {
  FileEnd end;
  // A pipe would keep the opening waiting for somebody who writes.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    end.exists = errno != ENOENT && errno != ENOTDIR;
    if (end.exists) end.problem = with_errno("cannot be opened", errno);
    return end;
  }
  end.exists = true;
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    end.problem = "is no regular file";
    return end;
  }
  end.bytes = status.st_size;
  end.changed_unix_seconds = seconds_of(status.st_mtim);
  // The byte before tells whether the first line is whole.
  const int64_t from = std::max<int64_t>(0, end.bytes - most_bytes - 1);
  std::string text = read_at(file, from, end.bytes - from);
  if (from > 0) {
    const size_t first_end = text.find('\n');
    text.erase(0, first_end == std::string::npos ? text.size() : first_end + 1);
  }
  end.lines = lines_of(text);
  return end;
}

double changed_unix_seconds(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? seconds_of(status.st_mtim) : 0;
}

}  // namespace catamaran
