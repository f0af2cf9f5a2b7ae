// What the names of folders and files mean. Thread-safe.
//
//   normal_path("runs/../packs/voc/")          // "/home/me/packs/voc"
//   leads_out("../secret.jpg")                 // true
#pragma once

#include <algorithm>
#include <filesystem>

namespace catamaran {

// The one name of a folder or file, whatever a user called it: absolute, without "." and "..", and
// without a slash at the end. Links are not followed.
inline std::filesystem::path normal_path(const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

// Whether a name that should be one in a folder is none, or could be of something outside it.
inline bool leads_out(const std::filesystem::path& name) {
  return name.empty() || name.is_absolute() || std::ranges::find(name, "..") != name.end();
}

}  // namespace catamaran
