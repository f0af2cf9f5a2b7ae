#include "support/scratch_file.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "support/error.h"

namespace catamaran {

ScratchFile::ScratchFile(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::string name = folder_ / "scratch-XXXXXX";
  file_ = FileDescriptor(::mkostemp(name.data(), O_CLOEXEC));
  if (!file_) {
    throw DataError(with_errno("cannot create a file", errno), folder_.string(),
                    "check the path and its permissions");
  }
  ::unlink(name.c_str());
}

void ScratchFile::append(const void* data, int64_t bytes) {
  if (!write_all(file_, data, bytes)) {
    throw DataError(with_errno("cannot write", errno), folder_.string(),
                    "make room on the file system");
  }
  bytes_ += bytes;
}

void ScratchFile::read(int64_t offset, void* into, int64_t bytes) const {
  read_exactly_at(file_, offset, into, bytes, folder_);
}

}  // namespace catamaran
