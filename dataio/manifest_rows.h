// The rows of a manifest, JSON lines or CSV, before anybody asks whether classes and files exist.
//
//   ImportProblems problems("labels.csv");
//   const ManifestRows rows = read_manifest_rows("labels.csv", ManifestFormat::kByName, problems);
//
// JSON lines: {"image": "a.jpg", "labels": ["dog"], "ignore": ["cat"]}; "path" is "image" as well;
// "ignore" is optional. CSV, with a header, in one of two forms:
//   path,labels,ignore        labels separated by ';' ("dog;cat"); "ignore" is optional
//   path,dog,cat,bird         a column for each class: 1 present, 0 or nothing absent, -1 ignored
// where "image" and "file" are "path" as well. What is wrong with a row is added to the problems,
// and the row is left out. Errors: DataError for a file that cannot be read at all. Thread-safe.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "dataio/import_problems.h"

namespace catamaran {

enum class ManifestFormat { kByName, kJsonLines, kCsv };  // kByName: .csv is CSV

struct ManifestRow {
  std::string image;  // "./a.jpg" is "a.jpg"
  std::set<std::string> labels;
  std::set<std::string> ignore;
  TextPlace place;          // of the image's name
  std::string source_text;  // of the row, to find a label's column in
};

struct ManifestRows {
  std::vector<ManifestRow> rows;
  std::vector<std::string> classes;  // of the second form of CSV, in its order; else none
};

ManifestRows read_manifest_rows(const std::filesystem::path& path, ManifestFormat format,
                                ImportProblems& problems);
// Where a label stands in its row.
TextPlace place_of_label(const ManifestRow& row, const std::string& label);

}  // namespace catamaran
