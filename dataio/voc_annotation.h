// One file of VOC's Annotations: the objects an image shows.
//
//   for (const VocObject& object : read_voc_annotation(root / "Annotations" / "000005.xml"))
//     object.name;   object.difficult;
//
// Only annotation/object/{name, difficult} is looked at: a part of a person and the owner of a
// photograph have names too. A missing <difficult> is 0. Source: the devkit's annotation format.
// Errors: DataError with file and line for what is no such XML. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace catamaran {

struct VocObject {
  std::string name;
  bool difficult = false;
};

std::vector<VocObject> read_voc_annotation(const std::filesystem::path& path);

}  // namespace catamaran
