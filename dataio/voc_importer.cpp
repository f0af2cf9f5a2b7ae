#include "dataio/voc_importer.h"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include "dataio/text_lines.h"
#include "dataio/voc_annotation.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/nearest.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 20> kClasses = {
    "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",      "car",
    "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",    "motorbike",
    "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};

constexpr const char* kCheckRoot =
    "check --root (the folder that holds ImageSets) and --split (train, val, trainval, test)";

int8_t parse_label(const std::string& text, const std::string& where) {
  if (text == "1" || text == "+1") return 1;
  if (text == "0") return 0;
  if (text == "-1") return -1;
  throw DataError("'" + text + "' is no label", where,
                  "a label is 1 (present), 0 (difficult only) or -1 (absent)");
}

using Labels = std::map<std::string, std::vector<int8_t>>;  // id -> a label per class

fs::path list_path(const VocSource& source, const std::string& name) {
  return source.root / "ImageSets" / "Main" / (name + ".txt");
}

fs::path class_list_path(const VocSource& source, const std::string& name) {
  return list_path(source, name + "_" + source.split);
}

fs::path annotation_path(const VocSource& source, const std::string& id) {
  return source.root / "Annotations" / (id + ".xml");
}

// The blank-separated fields of each line: an image id, then `more` others.
void read_list(const fs::path& path, size_t more, const auto& use) {
  TextLines lines(path, kCheckRoot);
  for (std::string line; lines.next(line);) {
    std::istringstream text(line);  // >> skips runs of blanks
    std::vector<std::string> fields;
    for (std::string field; text >> field;) fields.push_back(field);
    if (fields.empty()) continue;
    if (fields.size() != more + 1)
      throw DataError(more == 0 ? "a line must be an image id" : "a line must be 'id label'",
                      lines.where(), "correct the line");
    if (fields[0].find('/') != std::string::npos)
      throw DataError("'" + fields[0] + "' is no image id", lines.where(), "correct the line");
    use(fields, lines.where());
  }
}

Labels labels_from_lists(const VocSource& source, ImportedImages& imported) {
  Labels labels;
  for (size_t c = 0; c < imported.classes.size(); ++c) {
    const fs::path path = class_list_path(source, imported.classes[c]);
    size_t images = 0;
    read_list(path, 1, [&](const std::vector<std::string>& fields, const std::string& where) {
      std::vector<int8_t>& row = labels[fields[0]];
      if (row.size() == c + 1)
        throw DataError("image '" + fields[0] + "' occurs twice", where, "keep one line");
      if (row.size() != c)
        throw DataError("image '" + fields[0] + "' is not in the lists of all classes",
                        path.string(), "the lists of a split must name the same images");
      row.push_back(parse_label(fields[1], where));
      ++images;
    });
    if (images != labels.size())
      throw DataError("it names fewer images than the lists of other classes", path.string(),
                      "the lists of a split must name the same images");
    imported.sources.push_back({path.string(), sha256_of_file(path)});
  }
  return labels;
}

std::vector<int8_t> labels_of_annotation(const fs::path& path,
                                         const std::vector<std::string>& classes) {
  std::vector<int8_t> row(classes.size(), -1);
  for (const VocObject& object : read_voc_annotation(path)) {
    const auto found = std::find(classes.begin(), classes.end(), object.name);
    if (found == classes.end())
      throw DataError(
          "'" + object.name + "' is none of VOC's 20 classes" + did_you_mean(object.name, classes),
          path.string(), "other classes can be packed with `catamaran pack manifest`");
    int8_t& label = row[static_cast<size_t>(found - classes.begin())];
    label = std::max<int8_t>(label, object.difficult ? 0 : 1);
  }
  return row;
}

Labels labels_from_annotations(const VocSource& source, ImportedImages& imported) {
  const fs::path list = list_path(source, source.split);
  Labels labels;
  read_list(list, 0, [&](const std::vector<std::string>& fields, const std::string& where) {
    const std::string& id = fields[0];
    if (labels.contains(id))
      throw DataError("image '" + id + "' occurs twice", where, "keep one line");
    labels[id] = labels_of_annotation(annotation_path(source, id), imported.classes);
  });
  imported.sources.push_back({list.string(), sha256_of_file(list)});
  imported.notes.push_back("the split has no lists per class: labels come from " +
                           std::to_string(labels.size()) + " files of Annotations");
  return labels;
}

void require_agreement(const VocSource& source, const Labels& labels, ImportedImages& imported) {
  std::string first;
  int64_t different = 0;
  for (const auto& [id, row] : labels) {
    const std::vector<int8_t> other =
        labels_of_annotation(annotation_path(source, id), imported.classes);
    for (size_t c = 0; c < row.size(); ++c) {
      if (row[c] == other[c]) continue;
      if (different++ == 0)
        first = "image '" + id + "', class '" + imported.classes[c] + "' is " +
                std::to_string(row[c]) + " in the list and " + std::to_string(other[c]) +
                " in Annotations";
    }
  }
  if (different > 0)
    throw DataError(
        std::to_string(different) + " label(s) differ between lists and Annotations: " + first,
        source.root.string(), "copy the data set again, or pack without --verify-xml");
  imported.notes.push_back("the lists agree with " + std::to_string(labels.size()) +
                           " files of Annotations");
}

bool has_class_lists(const VocSource& source, const std::vector<std::string>& classes) {
  return std::any_of(classes.begin(), classes.end(), [&](const std::string& name) {
    return fs::exists(class_list_path(source, name));
  });
}

}  // namespace

ImportedImages import_voc(const VocSource& source) {
  ImportedImages imported;
  imported.data_set = source.root.filename().empty() ? source.root.parent_path().filename().string()
                                                     : source.root.filename().string();
  imported.split = source.split;
  imported.classes.assign(kClasses.begin(), kClasses.end());
  const bool from_annotations = !has_class_lists(source, imported.classes) &&
                                fs::exists(list_path(source, source.split)) &&
                                fs::is_directory(source.root / "Annotations");
  Labels labels = from_annotations ? labels_from_annotations(source, imported)
                                   : labels_from_lists(source, imported);
  if (source.verify_xml && !from_annotations) require_agreement(source, labels, imported);
  for (auto& [id, row] : labels)
    imported.images.push_back({source.root / "JPEGImages" / (id + ".jpg"), id, std::move(row)});
  return imported;
}

}  // namespace catamaran
