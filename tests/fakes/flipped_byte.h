// Damage to a file: the lowest bit of its last byte.
#pragma once

#include <filesystem>
#include <fstream>

namespace catamaran {

inline void flip_last_byte(const std::filesystem::path& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  const int byte = file.get();
  file.seekp(-1, std::ios::end);
  file.put(static_cast<char>(byte ^ 1));
}

}  // namespace catamaran
