// Writes an array of fp32 as a .npy file (NumPy format 1.0, little-endian, C order), atomically.
//
//   write_npy(path, {3, 14, 14}, maps);            // numpy.load(path).shape == (3, 14, 14)
//
// Errors: UsageError with the path. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace catamaran {

void write_npy(const std::filesystem::path& path, const std::vector<int64_t>& shape,
               std::span<const float> values);

}  // namespace catamaran
