// Writes an 8-bit RGB picture as PNG, atomically.
//
//   write_png(path, width, height, rgb);       // rgb: height x width x 3 bytes
//
// Errors: UsageError with the path. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace catamaran {

void write_png(const std::filesystem::path& path, int64_t width, int64_t height,
               std::span<const uint8_t> rgb);

}  // namespace catamaran
