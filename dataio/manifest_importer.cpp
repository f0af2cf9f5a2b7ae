#include "dataio/manifest_importer.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "dataio/text_lines.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/nearest.h"

namespace catamaran {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct Line {
  std::string image;
  std::set<std::string> labels;
  std::set<std::string> ignore;
  std::string where;
};

std::set<std::string> names_of(const json& item, const char* key, const std::string& where) {
  const auto list = json_field<std::vector<std::string>>(item, key, where, ErrorKind::kData);
  return {list.begin(), list.end()};
}

Line parse_line(const std::string& text, const std::string& where) {
  const json item = parse_json(text, where, ErrorKind::kData);
  Line line;
  line.where = where;
  line.image = json_field<std::string>(item, "image", where, ErrorKind::kData);
  line.labels = names_of(item, "labels", where);
  if (item.contains("ignore")) line.ignore = names_of(item, "ignore", where);
  for (const auto& [key, value] : item.items()) {
    if (key != "image" && key != "labels" && key != "ignore")
      throw DataError("the key '" + key + "' is not known", where,
                      "a line has image, labels and perhaps ignore");
  }
  for (const std::string& label : line.ignore) {
    if (line.labels.contains(label))
      throw DataError("'" + label + "' is both a label and ignored", where,
                      "keep it in one of the two lists");
  }
  const fs::path path(line.image);
  if (line.image.empty() || path.is_absolute() ||
      std::find(path.begin(), path.end(), "..") != path.end()) {
    throw DataError("'" + line.image + "' leads out of the image folder", where,
                    "give paths relative to --images");
  }
  line.image = path.lexically_normal().string();  // "./a.jpg" is "a.jpg"
  return line;
}

std::vector<Line> read_lines(const fs::path& manifest, std::vector<std::string>& notes) {
  TextLines file(manifest, "check --manifest");
  std::vector<Line> lines;
  std::map<std::string, size_t> seen;
  for (std::string text; file.next(text);) {
    if (text.find_first_not_of(" \t") == std::string::npos) continue;
    Line line = parse_line(text, file.where());
    const auto [first, added] = seen.emplace(line.image, lines.size());
    if (added) {
      lines.push_back(std::move(line));
    } else if (lines[first->second].labels == line.labels &&
               lines[first->second].ignore == line.ignore) {
      notes.push_back("line " + std::to_string(file.number()) + " lists " + line.image +
                      " a second time; it counts once");
    } else {
      throw DataError("'" + line.image + "' was listed before with other labels", line.where,
                      "keep one of the two lines");
    }
  }
  if (lines.empty())
    throw DataError("the manifest lists no picture", manifest.string(),
                    R"(each line is {"image": "a.jpg", "labels": ["dog"]})");
  return lines;
}

std::vector<std::string> read_classes(const ManifestSource& source,
                                      const std::vector<Line>& lines) {
  std::vector<std::string> classes;
  if (source.classes.empty()) {
    std::set<std::string> all;
    for (const Line& line : lines) {
      all.insert(line.labels.begin(), line.labels.end());
      all.insert(line.ignore.begin(), line.ignore.end());
    }
    classes.assign(all.begin(), all.end());
  } else {
    classes = read_class_names(source.classes);
  }
  if (classes.empty())
    throw DataError("there are no classes", source.manifest.string(),
                    "give labels, or --classes FILE");
  return classes;
}

}  // namespace

std::vector<std::string> read_class_names(const fs::path& path) {
  TextLines file(path, "check --classes");
  std::vector<std::string> classes;
  for (std::string name; file.next(name);) {
    while (!name.empty() && name.back() == ' ') name.pop_back();
    if (!name.empty()) classes.push_back(name);
  }
  if (std::set<std::string>(classes.begin(), classes.end()).size() != classes.size())
    throw DataError("a class is listed twice", path.string(), "keep one of them");
  if (classes.empty())
    throw DataError("the list of classes is empty", path.string(), "write one name a line");
  return classes;
}

ImportedImages import_manifest(const ManifestSource& source) {
  ImportedImages imported;
  const std::vector<Line> lines = read_lines(source.manifest, imported.notes);
  imported.classes = read_classes(source, lines);
  imported.data_set = fs::absolute(source.manifest).parent_path().filename().string();
  imported.split = source.manifest.stem().string();
  imported.sources.push_back({source.manifest.string(), sha256_of_file(source.manifest)});
  if (!source.classes.empty())
    imported.sources.push_back({source.classes.string(), sha256_of_file(source.classes)});
  std::map<std::string, size_t> class_of;
  for (size_t c = 0; c < imported.classes.size(); ++c) class_of[imported.classes[c]] = c;
  int64_t bare = 0;
  for (const Line& line : lines) {
    ImportedImage image{source.images / line.image, line.image,
                        std::vector<int8_t>(imported.classes.size(), -1)};
    const auto mark = [&](const std::set<std::string>& names, int8_t value) {
      for (const std::string& name : names) {
        const auto found = class_of.find(name);
        if (found == class_of.end())
          throw DataError(
              "'" + name + "' is not in the list of classes" + did_you_mean(name, imported.classes),
              line.where, "correct the line, or add the class to --classes");
        image.labels[found->second] = value;
      }
    };
    mark(line.labels, 1);
    mark(line.ignore, 0);
    bare += line.labels.empty() ? 1 : 0;
    imported.images.push_back(std::move(image));
  }
  if (bare > 0)
    imported.notes.push_back(std::to_string(bare) + " images have no label and were kept");
  return imported;
}

}  // namespace catamaran
