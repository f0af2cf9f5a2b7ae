// Writes an 8-bit RGB picture as PNG, atomically.
//
//   write_png(path, picture);
//
// Errors: UsageError with the path. Thread-safe.
#pragma once

#include <filesystem>

#include "drawing/picture.h"

namespace catamaran {

void write_png(const std::filesystem::path& path, const Picture& picture);

}  // namespace catamaran
