// Makes a pack without the pack writer, through HDF5's own interface, as docs/formats.md says it:
// so that a test can put anything into it.
//
//   make_pack(folder, {"cat", "dog"}, images, 10);      // ten images a shard
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dataio/pack.h"
#include "dataio/pack_reader.h"

namespace catamaran {

struct MadeImage {
  std::string id;
  std::vector<uint8_t> jpeg;
  ImageSize size;
  std::vector<int8_t> labels;
};

void make_pack(const std::filesystem::path& folder, const std::vector<std::string>& classes,
               const std::vector<MadeImage>& images, int64_t images_per_shard);

}  // namespace catamaran
