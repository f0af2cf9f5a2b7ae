// Files that the golden scripts of a folder's tests wrote (tests/golden), found by the environment
// that ctest sets.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace catamaran {

inline std::filesystem::path golden_path(const std::string& name) {
  const char* folder = std::getenv("CATAMARAN_GOLDEN");
  if (folder == nullptr) throw std::runtime_error("CATAMARAN_GOLDEN is not set: run under ctest");
  return std::filesystem::path(folder) / name;
}

inline std::vector<uint8_t> golden_bytes(const std::string& name) {
  std::ifstream file(golden_path(name), std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace catamaran
