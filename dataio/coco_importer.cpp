#include "dataio/coco_importer.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "support/error.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/json_stream.h"
#include "support/normal_path.h"

namespace catamaran {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr ErrorKind kKind = ErrorKind::kData;
constexpr int64_t kLargestAnnotationBytes = int64_t{4} << 30;

struct Category {
  int64_t id = 0;
  std::string name;
};

struct Named {
  int64_t image = 0;
  int64_t category = 0;
};

// The lists of the file, without the outlines that are most of it.
struct CocoLists {
  std::vector<Category> categories;
  std::map<int64_t, std::string> images;  // id, file name
  std::vector<Named> annotations;
};

std::string read_file_name(const json& item, const std::string& where) {
  auto name = json_field<std::string>(item, "file_name", where, kKind);
  if (leads_out(name)) {
    throw DataError("the file name '" + name + "' leads out of the image folder", where,
                    "file names are relative to --images");
  }
  return name;
}

CocoLists read_lists(const fs::path& path) {
  const std::string where = path.string();
  CocoLists lists;
  const auto read = [&](const std::string& list, const json& item) {
    if (list == "categories") {
      lists.categories.push_back({json_field<int64_t>(item, "id", where, kKind),
                                  json_field<std::string>(item, "name", where, kKind)});
    } else if (list == "images") {
      const auto id = json_field<int64_t>(item, "id", where, kKind);
      if (!lists.images.emplace(id, read_file_name(item, where)).second)
        throw DataError("image " + std::to_string(id) + " occurs twice", where, "keep one of them");
    } else {
      lists.annotations.push_back({json_field<int64_t>(item, "image_id", where, kKind),
                                   json_field<int64_t>(item, "category_id", where, kKind)});
    }
  };
  const JsonItems wanted = {.lists = {"categories", "images", "annotations"},
                            .keys = {"id", "name", "file_name", "image_id", "category_id"},
                            .largest_bytes = kLargestAnnotationBytes};
  const std::set<std::string> seen = read_json_items(path, kKind, wanted, read);
  for (const std::string& list : wanted.lists) {
    if (!seen.contains(list)) throw_json_field(list, "is missing or no list", where, kKind);
  }
  return lists;
}

void sort_categories(std::vector<Category>& categories, const std::string& order,
                     const std::string& where) {
  std::set<int64_t> ids;
  std::set<std::string> names;
  for (const Category& category : categories) {
    if (!ids.insert(category.id).second || !names.insert(category.name).second) {
      throw DataError(
          "category '" + category.name + "' (" + std::to_string(category.id) + ") occurs twice",
          where, "keep one of them");
    }
  }
  if (categories.empty())
    throw DataError("there are no categories", where, "is it an instances_*.json?");
  std::sort(categories.begin(), categories.end(), [&](const Category& a, const Category& b) {
    return order == "name" ? a.name < b.name : a.id < b.id;
  });
}

}  // namespace

ImportedImages import_coco(const CocoSource& source) {
  if (source.class_order != "id" && source.class_order != "name")
    throw UsageError("'" + source.class_order + "' is no order", "--class-order", "use id or name");
  if (source.without_annotations != "drop" && source.without_annotations != "keep")
    throw UsageError("'" + source.without_annotations + "' is not known", "--without-annotations",
                     "use drop or keep");
  const std::string where = source.annotations.string();
  CocoLists lists = read_lists(source.annotations);
  sort_categories(lists.categories, source.class_order, where);
  std::map<int64_t, size_t> class_of;
  ImportedImages imported;
  for (const Category& category : lists.categories) {
    class_of[category.id] = imported.classes.size();
    imported.classes.push_back(category.name);
  }
  std::map<int64_t, ImportedImage> images;
  std::map<fs::path, int64_t> id_of_file;
  for (const auto& [id, file_name] : lists.images) {
    ImportedImage image{source.images / file_name, std::to_string(id),
                        std::vector<int8_t>(imported.classes.size(), -1)};
    const auto [named, first] = id_of_file.emplace(image.file.lexically_normal(), id);
    if (!first) {
      throw DataError("images " + std::to_string(named->second) + " and " + std::to_string(id) +
                          " are the same file " + image.file.string(),
                      where, "keep one of them, with the annotations of both");
    }
    images.emplace(id, std::move(image));
  }
  for (const Named& annotation : lists.annotations) {
    const auto image = images.find(annotation.image);
    const auto category = class_of.find(annotation.category);
    if (image == images.end() || category == class_of.end()) {
      throw DataError("an annotation names image " + std::to_string(annotation.image) +
                          " and category " + std::to_string(annotation.category) +
                          ", of which one does not exist",
                      where, "is the file cut short, or from two data sets?");
    }
    image->second.labels[category->second] = 1;
  }
  int64_t bare = 0;
  for (auto& [id, image] : images) {
    const bool without =
        std::find(image.labels.begin(), image.labels.end(), 1) == image.labels.end();
    bare += without ? 1 : 0;
    if (!without || source.without_annotations == "keep")
      imported.images.push_back(std::move(image));
  }
  imported.data_set = "COCO";
  imported.split = source.annotations.stem().string();
  if (imported.split.starts_with("instances_")) imported.split = imported.split.substr(10);
  imported.sources.push_back({where, sha256_of_file(source.annotations)});
  if (bare > 0)
    imported.notes.push_back(std::to_string(bare) + " images without annotation were " +
                             (source.without_annotations == "keep" ? "kept" : "left out"));
  return imported;
}

}  // namespace catamaran
