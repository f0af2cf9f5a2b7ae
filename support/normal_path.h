// The one name of a folder or file, whatever a user called it: absolute, without "." and "..", and
// without a slash at the end. Links are not followed. Thread-safe.
//
//   normal_path("runs/../packs/voc/")          // "/home/me/packs/voc"
#pragma once

#include <filesystem>

namespace catamaran {

inline std::filesystem::path normal_path(const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

}  // namespace catamaran
