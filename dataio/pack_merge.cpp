#include "dataio/pack_merge.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "dataio/picture_index.h"
#include "support/assert.h"
#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int8_t kUnknown = 2;  // a class that the image's pack does not have; in here alone
constexpr size_t kNamed = 50;   // of images that cannot be merged

void require_same_kind(const std::vector<SharedPack>& packs) {
  const auto kind = [](const PackReader& pack) {
    return pack.pixels() == 0 ? std::string("JPEG files")
                              : text("squares of %ld pixels", pack.pixels());
  };
  for (const SharedPack& pack : packs) {
    if (pack->pixels() == packs.front()->pixels()) continue;
    throw DataError("one pack holds " + kind(*packs.front()) + ", the other " + kind(*pack),
                    packs.front()->folder().string() + " and " + pack->folder().string(),
                    "`pack reshard --pixels` makes squares of a pack of JPEG files");
  }
}

std::vector<std::string> merged_classes(const std::vector<SharedPack>& packs, bool classes_union) {
  std::vector<std::string> classes = packs.front()->manifest().classes;
  if (!classes_union) {
    for (const SharedPack& pack : packs) {
      if (pack->manifest().classes == classes) continue;
      throw DataError(
          "the packs have different class lists: " +
              first_difference(classes, pack->manifest().classes),
          packs.front()->folder().string() + " and " + pack->folder().string(),
          "map classes by name (--classes-union), or bring one pack's into the other's order "
          "(pack subset --classes)");
    }
    return classes;
  }
  std::set<std::string> known(classes.begin(), classes.end());
  for (const SharedPack& pack : packs) {
    for (const std::string& name : pack->manifest().classes) {
      if (known.insert(name).second) classes.push_back(name);
    }
  }
  return classes;
}

// "VOC2007+VOC2012": distinct texts in their order.
std::string joined(const std::vector<SharedPack>& packs, const std::string& between,
                   const std::function<std::string(const PackManifest&)>& text_of) {
  std::vector<std::string> seen;
  std::string all;
  for (const SharedPack& pack : packs) {
    const std::string part = text_of(pack->manifest());
    if (std::ranges::find(seen, part) != seen.end()) continue;
    all += (seen.empty() ? "" : between) + part;
    seen.push_back(part);
  }
  return all;
}

// What speaks against the merge, the first of it by name.
class Conflicts {
 public:
  void add(const std::string& what) {
    ++count_;
    if (first_.size() < kNamed) first_.push_back(printable(what));
  }
  void throw_if_any(const std::string& what, const std::string& hint) const {
    if (count_ == 0) return;
    throw DataError(std::to_string(count_) + " " + what + ":" + first_of(first_, count_), "", hint);
  }

 private:
  int64_t count_ = 0;
  std::vector<std::string> first_;
};

std::string place_of(const ImportedImage& image) {
  return "'" + image.pack->id(image.at) + "' of " + image.pack->folder().string();
}

class Merge {
 public:
  Merge(const std::vector<SharedPack>& packs, const MergeOptions& options)
      : packs_(packs), options_(options) {
    merged_.classes = merged_classes(packs, options.classes_union);
    for (size_t c = 0; c < merged_.classes.size(); ++c) column_of_[merged_.classes[c]] = c;
  }

  ImportedImages run() {
    for (const SharedPack& pack : packs_) add(pack);
    labels_differ_.throw_if_any(
        "image(s) are in two packs with labels that differ",
        "correct the labels, or leave an image out of one pack: pack subset --without-ids FILE");
    fill_unknown();
    name_images();
    tell();
    return std::move(merged_);
  }

 private:
  void add(const SharedPack& pack) {
    std::vector<size_t> columns;
    for (const std::string& name : pack->manifest().classes) columns.push_back(column_of_.at(name));
    for (int64_t i = 0; i < pack->images(); ++i) {
      ImportedImage image = image_of(pack, i);
      std::vector<int8_t> labels(merged_.classes.size(), kUnknown);
      for (size_t c = 0; c < columns.size(); ++c) labels[columns[c]] = image.labels[c];
      image.labels = std::move(labels);
      const size_t picture = seen_.find(*pack, i).value_or(same_.size());
      seen_.add(*pack, i, picture);
      if (picture == same_.size()) same_.emplace_back();
      std::vector<size_t>& same = same_[picture];
      if (same.empty() || merged_.images[same.front()].pack == pack) {
        same.push_back(merged_.images.size());
        merged_.images.push_back(std::move(image));
      } else if (std::ranges::all_of(
                     same, [&](size_t earlier) { return unite(merged_.images[earlier], image); })) {
        if (repeated_++ == 0)
          first_repeated_ = place_of(image) + " is " + place_of(merged_.images[same.front()]);
      }
    }
  }

  // False where their labels differ.
  bool unite(ImportedImage& earlier, const ImportedImage& image) {
    for (size_t c = 0; c < image.labels.size(); ++c) {
      int8_t& known = earlier.labels[c];
      if (known == kUnknown) known = image.labels[c];
      if (image.labels[c] == kUnknown || image.labels[c] == known) continue;
      labels_differ_.add(text("%s is %s: '%s' is %d in one and %d in the other",
                              place_of(image).c_str(), place_of(earlier).c_str(),
                              merged_.classes[c].c_str(), image.labels[c], known));
      return false;
    }
    return true;
  }

  void fill_unknown() {
    const int8_t value = options_.missing_absent ? -1 : 0;
    for (ImportedImage& image : merged_.images) std::ranges::replace(image.labels, kUnknown, value);
  }

  void name_images() {
    if (options_.prefix_ids) prefix_ids();
    std::unordered_map<std::string, const ImportedImage*> by_id;
    Conflicts same_id;
    for (const ImportedImage& image : merged_.images) {
      const auto [first, is_new] = by_id.emplace(image.id, &image);
      if (!is_new && first->second->pack != image.pack)
        same_id.add("'" + image.id + "' is in " + first->second->pack->folder().string() +
                    " and in " + image.pack->folder().string());
    }
    same_id.throw_if_any("id(s) are of different images in two packs",
                         "--prefix-ids writes the pack's folder name before each id");
  }

  void prefix_ids() {
    std::map<std::string, SharedPack> by_name;
    for (const SharedPack& pack : packs_) {
      const auto [first, is_new] = by_name.emplace(folder_name(*pack), pack);
      if (is_new) continue;
      throw DataError("--prefix-ids needs packs in folders of different names",
                      first->second->folder().string() + " and " + pack->folder().string(),
                      "rename one, or name it through a link");
    }
    for (ImportedImage& image : merged_.images)
      image.id = folder_name(*image.pack) + "/" + image.id;
  }

  void tell() {
    merged_.data_set = joined(packs_, "+", [](const PackManifest& m) { return m.data_set; });
    merged_.split = joined(packs_, "+", [](const PackManifest& m) { return m.split; });
    merged_.decoder = joined(packs_, "; ", [](const PackManifest& m) { return m.decoder; });
    std::string names;
    for (const SharedPack& pack : packs_) {
      carry_on(*pack, false, merged_);
      names += (names.empty() ? "" : ", ") + name_with_fingerprint(*pack) +
               text(" with %ld images", pack->images());
    }
    merged_.notes.push_back("merged from " + names);
    for (const SharedPack& pack : packs_) tell_missing(*pack);
    if (repeated_ > 0)
      merged_.notes.push_back(
          text("%ld image(s) are in more than one pack, with labels that agree, "
               "and count once (first: %s)",
               repeated_, first_repeated_.c_str()));
    if (options_.prefix_ids)
      merged_.notes.emplace_back("ids have their pack's folder name before them");
  }

  void tell_missing(const PackReader& pack) {
    const std::vector<std::string>& has = pack.manifest().classes;
    std::string missing;
    for (const std::string& name : merged_.classes) {
      if (std::ranges::find(has, name) == has.end())
        missing += (missing.empty() ? "" : ", ") + name;
    }
    if (missing.empty()) return;
    merged_.notes.push_back(pack.folder().string() + " does not have these classes, which are " +
                            (options_.missing_absent ? "absent (-1)" : "ignored (0)") +
                            " in its images: " + missing);
  }

  const std::vector<SharedPack>& packs_;
  const MergeOptions& options_;
  ImportedImages merged_;
  std::map<std::string, size_t> column_of_;
  // Of each picture, which of merged_.images are it: those of the first pack that does.
  std::vector<std::vector<size_t>> same_;
  PictureIndex seen_;
  Conflicts labels_differ_;
  int64_t repeated_ = 0;
  std::string first_repeated_;
};

}  // namespace

ImportedImages merge_packs(const std::vector<SharedPack>& packs, const MergeOptions& options) {
  CATAMARAN_ASSERT(!packs.empty(), "there is something to merge");
  require_same_kind(packs);
  return Merge(packs, options).run();
}

}  // namespace catamaran
