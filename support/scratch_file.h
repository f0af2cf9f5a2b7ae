// ScratchFile: bytes that wait on disk because memory is not for them. It has no name once it is
// open, so that nothing of it is left, however the program ends.
//
//   ScratchFile scratch("packs/.mine.partial/pack");            // a folder with room
//   scratch.append(data, bytes);
//   scratch.read(0, into, bytes);
//
// Errors: DataError naming the folder. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>

#include "support/file_descriptor.h"

namespace catamaran {

class ScratchFile {
 public:
  explicit ScratchFile(std::filesystem::path folder);

  void append(const void* data, int64_t bytes);
  void read(int64_t offset, void* into, int64_t bytes) const;
  int64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path folder_;
  FileDescriptor file_;
  int64_t bytes_ = 0;
};

}  // namespace catamaran
