#include "support/file_beginning.h"

#include <unistd.h>

namespace catamaran {

std::string beginning_of(const FileDescriptor& file, size_t most) {
  std::string text(most, '\0');
  const ssize_t got = file ? ::pread(file.get(), text.data(), most, 0) : 0;
  text.resize(static_cast<size_t>(got > 0 ? got : 0));
  return text;
}

}  // namespace catamaran
