// Your own images: a JSONL manifest, one object a line: {"image": "path/in/folder.jpg", "labels":
// ["dog", ...], "ignore": ["cat"]}; "ignore" is optional.
//
//   ImportedImages images = import_manifest({.images = "DIR", .manifest = "labels.jsonl"});
//
// Classes come from a file (one name a line) or are the sorted union of the labels. An image listed
// twice with the same labels counts once, and that is said; with other labels it is an error, as is
// a label outside the class file (the nearest known name is suggested). Images without labels are
// kept. Errors: DataError with file and line. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dataio/imported_images.h"

namespace catamaran {

struct ManifestSource {
  std::filesystem::path images;
  std::filesystem::path manifest;
  std::filesystem::path classes;  // empty: the union of the labels
};

ImportedImages import_manifest(const ManifestSource& source);
// One name a line, in label order; empty lines do not count. DataError when a name occurs twice.
std::vector<std::string> read_class_names(const std::filesystem::path& path);

}  // namespace catamaran
