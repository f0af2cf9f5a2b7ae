// COCO instances: annotations/instances_*.json with images, annotations and categories.
//
//   ImportedImages images = import_coco({.images = "train2014", .annotations =
//   "instances_train2014.json"});
//
// A class is present when any annotation of it exists, crowd regions and small objects included.
// Category ids have gaps; the order of classes is by id, or by name. Ids are 64-bit. Images without
// annotation are dropped (as in the published 82,081 and 40,137) or kept, and counted either way.
// The file is read as a stream: memory holds names and labels, not outlines. Errors: DataError
// naming the entry. Thread-safe.
#pragma once

#include <filesystem>
#include <string>

#include "dataio/imported_images.h"

namespace catamaran {

struct CocoSource {
  std::filesystem::path images;
  std::filesystem::path annotations;
  std::string class_order = "id";            // id, name
  std::string without_annotations = "drop";  // drop, keep
};

ImportedImages import_coco(const CocoSource& source);

}  // namespace catamaran
