// ScratchFolder: a folder for the inputs of a fuzz target whose reader takes several files. It is
// in memory where the system has such a folder, and goes with the object.
//
//   static const ScratchFolder folder;         // one for all inputs
//   folder.write("a.toml", bytes);
//   read(folder.path() / "a.toml");
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

namespace catamaran {

class ScratchFolder {
 public:
  ScratchFolder() {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code code;
    const std::filesystem::path base = std::filesystem::is_directory(memory, code)
                                           ? memory
                                           : std::filesystem::temp_directory_path();
    std::string name = (base / "fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code code;
    std::filesystem::remove_all(path_, code);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // A harness that cannot give the input must not pass for a reader that took it.
  void write(const std::filesystem::path& name, std::string_view bytes) const {
    std::error_code code;
    std::filesystem::create_directories((path_ / name).parent_path(), code);
    std::ofstream file(path_ / name, std::ios::binary);
    if (!file.write(bytes.data(), std::ssize(bytes)).flush()) std::abort();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace catamaran
