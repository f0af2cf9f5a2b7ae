// Your own images: a manifest, JSON lines or CSV (dataio/manifest_rows.h has the forms).
//
//   ImportedImages images = import_manifest({.images = "DIR", .manifest = "labels.jsonl"});
//
// Classes come from a file (one name a line), from the header of a CSV with a column for each, or
// are the sorted union of the labels. An image listed twice with the same labels counts once, and
// that is noted; with other labels it is an error, as is a label outside the class list (the
// nearest known name is suggested) and a file that is not there. Images without labels are kept.
// Where neither a file nor a header names the classes, a rare label that is spelt like a frequent
// one is noted.
// Errors: DataError with all problems, by line and column (dataio/import_problems.h). Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dataio/imported_images.h"
#include "dataio/manifest_rows.h"

namespace catamaran {

struct ManifestSource {
  std::filesystem::path images;
  std::filesystem::path manifest;
  std::filesystem::path classes;  // empty: the header, or the union of the labels
  ManifestFormat format = ManifestFormat::kByName;
  bool look_for_files = true;    // each must be there
  bool look_into_files = false;  // each must begin and end as a JPEG does
};

ImportedImages import_manifest(const ManifestSource& source);
// One name a line, in label order; empty lines do not count. DataError when a name occurs twice.
std::vector<std::string> read_class_names(const std::filesystem::path& path);

}  // namespace catamaran
