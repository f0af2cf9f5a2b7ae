// StdioFile: an owned std::FILE*, for logs that are appended line by line. One thread at a time.
#pragma once

#include <cstdio>

#include "support/handle.h"

namespace catamaran {

struct StdioFileTraits {
  using type = std::FILE*;
  static constexpr type empty() { return nullptr; }
  static void close(type file) noexcept { std::fclose(file); }
};
using StdioFile = Handle<StdioFileTraits>;

}  // namespace catamaran
