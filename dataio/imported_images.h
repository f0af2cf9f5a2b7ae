// ImportedImages: what every importer makes of its format and the pack writer packs: files (or
// images of packs), ids, labels. Plain data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dataio/pack_reader.h"

namespace catamaran {

struct ImportedImage {
  std::filesystem::path file;  // empty where `pack` has it
  std::string id;
  std::vector<int8_t> labels;                // one per class, in {1, 0, -1}
  std::shared_ptr<const PackReader> pack{};  // whose bytes are taken as they are
  int64_t at = 0;                            // image of `pack`
};

struct ImportedImages {
  std::string data_set;
  std::string split;
  std::vector<std::string> classes;
  std::vector<ImportedImage> images;
  std::vector<SourceFile> sources;
  std::vector<std::string> notes;  // what was dropped or merged
  std::string decoder{};           // of images of packs: theirs; empty: this program's
};

}  // namespace catamaran
