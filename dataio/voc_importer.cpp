#include "dataio/voc_importer.h"

#include <array>
#include <fstream>
#include <map>
#include <sstream>

#include "support/error.h"
#include "support/hash.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 20> kClasses = {
    "aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",      "car",
    "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",    "motorbike",
    "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};

int8_t parse_label(const std::string& text, const std::string& where) {
  if (text == "1" || text == "+1") return 1;
  if (text == "0") return 0;
  if (text == "-1") return -1;
  throw DataError("'" + text + "' is no label", where,
                  "a label is 1 (present), 0 (difficult only) or -1 (absent)");
}

// id -> label of one class list.
std::map<std::string, int8_t> read_class_list(const fs::path& path) {
  std::ifstream file(path);
  if (!file) {
    throw DataError(
        "the list of this class is missing", path.string(),
        "check --root (the folder that holds ImageSets) and --split (train, val, trainval, test)");
  }
  std::map<std::string, int8_t> labels;
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    std::istringstream fields(line);  // >> skips runs of blanks and the CR of CR-LF
    std::string id, label, more;
    if (!(fields >> id)) continue;
    const std::string where = path.string() + " line " + std::to_string(number);
    if (!(fields >> label) || fields >> more)
      throw DataError("a line must be 'id label'", where, "");
    if (id.find('/') != std::string::npos)
      throw DataError("'" + id + "' is no image id", where, "");
    if (!labels.emplace(id, parse_label(label, where)).second)
      throw DataError("image '" + id + "' occurs twice", where, "");
  }
  return labels;
}

}  // namespace

ImportedImages import_voc(const VocSource& source) {
  ImportedImages imported;
  imported.data_set = source.root.filename().empty() ? source.root.parent_path().filename().string()
                                                     : source.root.filename().string();
  imported.split = source.split;
  imported.classes.assign(kClasses.begin(), kClasses.end());
  std::map<std::string, std::vector<int8_t>> labels;
  for (size_t c = 0; c < kClasses.size(); ++c) {
    const fs::path path = source.root / "ImageSets" / "Main" /
                          (std::string(kClasses[c]) + "_" + source.split + ".txt");
    const std::map<std::string, int8_t> list = read_class_list(path);
    imported.sources.push_back({path.string(), sha256_of_file(path)});
    for (const auto& [id, label] : list) {
      std::vector<int8_t>& row = labels[id];
      if (row.size() != c)
        throw DataError("image '" + id + "' is not in the lists of all classes", path.string(),
                        "the lists of a split must name the same images");
      row.push_back(label);
    }
    if (list.size() != labels.size())
      throw DataError("it names fewer images than the lists of other classes", path.string(),
                      "the lists of a split must name the same images");
  }
  for (auto& [id, row] : labels)
    imported.images.push_back({source.root / "JPEGImages" / (id + ".jpg"), id, std::move(row)});
  return imported;
}

}  // namespace catamaran
