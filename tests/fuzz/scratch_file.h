// ScratchFile: the bytes of one input of a fuzz target as a file, for readers that take a path. The
// file is in memory and goes with the object.
//
//   const ScratchFile file(data, size);
//   read(file.path());
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace catamaran {

class ScratchFile {
 public:
  ScratchFile(const uint8_t* data, size_t size) : file_(::memfd_create("input", 0)) {
    // A harness that cannot give the input must not pass for a reader that took it.
    if (file_ < 0 || ::write(file_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~ScratchFile() { ::close(file_); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace catamaran
