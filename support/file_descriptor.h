// FileDescriptor: an owned POSIX descriptor, and reads that either fill the whole buffer or say
// what is wrong.
//
//   FileDescriptor file = open_for_reading(path);               // DataError when it is not there
//   read_exactly_at(file, offset, buffer, bytes, path);         // pread until full; DataError on a
//   short file
//   if (!write_all(file, data, bytes)) ...                      // errno says why
//
// Thread-safe: read_exactly_at on one descriptor from many threads (pread keeps no position).
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>

#include "support/handle.h"

namespace catamaran {

struct FileDescriptorTraits {
  using type = int;
  static constexpr int empty() { return -1; }
  static void close(int fd) noexcept { ::close(fd); }
};
using FileDescriptor = Handle<FileDescriptorTraits>;

// Of a new file or folder: the user's umask takes its part of it, and the program's own the right
// of all others to write (launch/main.cpp).
constexpr mode_t kNewFile = 0666;
constexpr mode_t kNewFolder = 0777;

FileDescriptor open_for_reading(const std::filesystem::path& path);
// To know a folder again, wherever it is moved to; none where it cannot be opened.
FileDescriptor open_folder(const std::filesystem::path& path);
int64_t file_bytes(const FileDescriptor& file, const std::filesystem::path& path);
void read_exactly_at(const FileDescriptor& file, int64_t offset, void* into, int64_t bytes,
                     const std::filesystem::path& path);

// At the file's position; false where not all could be written.
bool write_all(const FileDescriptor& file, const void* data, int64_t bytes);

}  // namespace catamaran
