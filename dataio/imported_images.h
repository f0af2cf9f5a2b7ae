// ImportedImages: what every importer makes of its format and the pack writer packs: files, ids,
// labels. Plain data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dataio/pack.h"

namespace catamaran {

struct ImportedImage {
  std::filesystem::path file;
  std::string id;
  std::vector<int8_t> labels;  // one per class, in {1, 0, -1}
};

struct ImportedImages {
  std::string data_set;
  std::string split;
  std::vector<std::string> classes;
  std::vector<ImportedImage> images;
  std::vector<SourceFile> sources;
  std::vector<std::string> notes;  // what was dropped or merged
};

}  // namespace catamaran
