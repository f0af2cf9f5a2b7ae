// The first bytes of a short file that may be anybody's: a lock's text, a name.
//
//   const std::string text = beginning_of(file, 256);
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "support/file_descriptor.h"

namespace catamaran {

// At most so many bytes; empty where no file is open, or it cannot be read.
std::string beginning_of(const FileDescriptor& file, size_t most);

}  // namespace catamaran
