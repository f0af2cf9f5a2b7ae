#include "support/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "support/error.h"

namespace catamaran {

FileDescriptor open_for_reading(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    throw DataError(with_errno("cannot open the file", errno), path.string(),
                    "check the path and its permissions");
  }
  return file;
}

int64_t file_bytes(const FileDescriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw DataError(with_errno("cannot read the size", errno), path.string(), "check the file");
  }
  return status.st_size;
}

void read_exactly_at(const FileDescriptor& file, int64_t offset, void* into, int64_t bytes,
                     const std::filesystem::path& path) {
  // One read call moves at most 2 GiB on Linux.
  constexpr int64_t kLargestRead = int64_t{1} << 30;
  auto* to = static_cast<char*>(into);
  for (int64_t done = 0; done < bytes;) {
    const auto part = static_cast<size_t>(std::min(bytes - done, kLargestRead));
    const ssize_t got = ::pread(file.get(), to + done, part, offset + done);
    if (got < 0 && errno == EINTR) continue;
    const std::string where = path.string() + " at byte " + std::to_string(offset + done);
    if (got < 0) throw DataError(with_errno("read failed", errno), where, "check the file system");
    if (got == 0) {
      throw DataError("the file ends " + std::to_string(bytes - done) + " bytes too early", where,
                      "it was cut short or replaced while in use: copy it again");
    }
    done += got;
  }
}

FileDescriptor open_folder(const std::filesystem::path& path) {
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool write_all(const FileDescriptor& file, const void* data, int64_t bytes) {
  const auto* from = static_cast<const char*>(data);
  for (int64_t done = 0; done < bytes;) {
    const auto part = static_cast<size_t>(std::min(bytes - done, int64_t{1} << 30));
    const ssize_t put = ::write(file.get(), from + done, part);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    done += put;
  }
  return true;
}

}  // namespace catamaran
