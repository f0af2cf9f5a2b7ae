// Pictures that a test packs, in a folder of its own, and what became of them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "dataio/pack_writer.h"
#include "made_jpeg.h"
#include "pack_folder.h"
#include "support/hash.h"

namespace catamaran {

class WritePack : public PackFolderTest {
 protected:
  WritePack() { std::filesystem::create_directories(folder_ / "photos"); }

  // `count` pictures of different sizes and colours; `padding` bytes behind the picture's end.
  ImportedImages made(int count, size_t padding = 0) {
    ImportedImages imported;
    imported.data_set = "made";
    imported.split = "train";
    imported.classes = {"even", "odd"};
    for (int i = 0; i < count; ++i) {
      const std::filesystem::path file = folder_ / "photos" / (std::to_string(i) + ".jpg");
      if (!std::filesystem::exists(file)) {
        std::vector<uint8_t> jpeg =
            made_jpeg(32 + i % 7, 24 + i % 5, static_cast<uint8_t>(i), 90, 200);
        if (padding > 0) jpeg = with_comment(jpeg, padding);
        std::ofstream(file, std::ios::binary)
            .write(reinterpret_cast<const char*>(jpeg.data()), std::ssize(jpeg));
      }
      imported.images.push_back({.file = file,
                                 .id = std::to_string(i),
                                 .labels = {static_cast<int8_t>(i % 2 == 0 ? 1 : -1),
                                            static_cast<int8_t>(i % 2 == 0 ? -1 : 1)}});
    }
    return imported;
  }
  // A picture that takes up room: comments behind its start.
  static std::vector<uint8_t> with_comment(const std::vector<uint8_t>& jpeg, size_t bytes) {
    std::vector<uint8_t> out(jpeg.begin(), jpeg.begin() + 2);
    for (size_t left = bytes; left > 0;) {
      const size_t part = std::min<size_t>(left, 60000);
      out.insert(out.end(), {0xFF, 0xFE, static_cast<uint8_t>((part + 2) >> 8),
                             static_cast<uint8_t>((part + 2) & 0xFF)});
      out.insert(out.end(), part, uint8_t{'x'});
      left -= part;
    }
    out.insert(out.end(), jpeg.begin() + 2, jpeg.end());
    return out;
  }
  void cut(int image) {
    const std::filesystem::path file = folder_ / "photos" / (std::to_string(image) + ".jpg");
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 30);
  }
  static PackWriterOptions quiet(int64_t shard_bytes = 4000) {
    PackWriterOptions options;
    options.shard_bytes = shard_bytes;
    options.threads = 2;
    options.progress = false;
    return options;
  }
  static PackWriterOptions skipping() {
    PackWriterOptions options = quiet();
    options.skip_bad = true;
    return options;
  }
  static std::map<std::string, std::string> hashes(const std::filesystem::path& folder) {
    std::map<std::string, std::string> all;
    for (const std::filesystem::directory_entry& entry :
         std::filesystem::directory_iterator(folder))
      all[entry.path().filename().string()] = sha256_of_file(entry.path());
    return all;
  }
  int64_t entries() const {
    return std::distance(std::filesystem::directory_iterator(folder_),
                         std::filesystem::directory_iterator());
  }
};

}  // namespace catamaran
