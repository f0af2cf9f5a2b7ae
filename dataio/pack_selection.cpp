#include "dataio/pack_selection.h"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

#include "dataio/import_problems.h"
#include "dataio/text_lines.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/nearest.h"
#include "support/normal_path.h"
#include "support/philox.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

// Lines of a file of ids; what the pack does not have is an error, all of it told at once.
std::unordered_set<std::string> read_ids(const fs::path& file, const PackReader& pack,
                                         const std::string& option) {
  std::unordered_set<std::string> known;
  for (int64_t i = 0; i < pack.images(); ++i) known.insert(pack.id(i));
  std::unordered_set<std::string> ids;
  ImportProblems problems(file.string());
  TextLines lines(file, "check " + option);
  for (std::string line; lines.next(line);) {
    if (line.empty()) continue;
    if (known.contains(line)) {
      ids.insert(line);
      continue;
    }
    std::string hint;
    if (problems.count() < 1)  // the distance to each of the ids takes its time
      hint = did_you_mean(line, {known.begin(), known.end()});
    problems.add({.line = lines.number(), .column = 0},
                 "'" + printable(line.substr(0, 80)) + "' is no id of the pack" + hint);
  }
  problems.throw_if_any("write ids of " + pack.folder().string() + ", one a line");
  if (ids.empty()) throw DataError("lists no id", file.string(), "write one id a line");
  return ids;
}

// Column of the pack of each of the classes asked for.
std::vector<size_t> columns_of(const PackReader& pack, const std::vector<std::string>& classes) {
  const std::vector<std::string>& known = pack.manifest().classes;
  std::vector<size_t> columns;
  std::string unknown;
  std::set<std::string> seen;
  for (const std::string& name : classes) {
    if (!seen.insert(name).second)
      throw UsageError("'" + printable(name) + "' is listed twice", "--classes",
                       "keep one of the two");
    const auto found = std::ranges::find(known, name);
    columns.push_back(static_cast<size_t>(found - known.begin()));
    if (found == known.end())
      unknown +=
          (unknown.empty() ? "'" : ", '") + printable(name) + "'" + did_you_mean(name, known);
  }
  if (!unknown.empty())
    throw UsageError(pack.folder().string() + " has no class " + unknown, "--classes",
                     "`catamaran check --json` lists the pack's classes");
  return columns;
}

void take_columns(const std::vector<size_t>& columns, ImportedImages& images) {
  for (ImportedImage& image : images.images) {
    std::vector<int8_t> labels;
    labels.reserve(columns.size());
    for (const size_t column : columns) labels.push_back(image.labels[column]);
    image.labels = std::move(labels);
  }
}

// `limit` of them, each set of so many equally likely (Knuth's algorithm S), in their order.
void draw(int64_t limit, uint64_t seed, std::vector<ImportedImage>& images) {
  PhiloxStream random(seed, Purpose::kSubset, 0, 0);
  auto left = static_cast<uint32_t>(images.size());
  auto wanted = static_cast<uint32_t>(limit);
  std::erase_if(images, [&](const ImportedImage&) {
    const bool is_taken = random.below(left--) < wanted;
    wanted -= is_taken ? 1 : 0;
    return !is_taken;
  });
}

bool has_no_label(const ImportedImage& image) {
  return std::ranges::find(image.labels, int8_t{1}) == image.labels.end();
}

// What became of the pack, as a sentence that grows.
class Story {
 public:
  explicit Story(const PackReader& pack) : text_("subset of " + name_with_fingerprint(pack)) {}
  void add(const std::string& clause) {
    text_ += (is_empty_ ? ": " : "; ") + clause;
    is_empty_ = false;
  }
  const std::string& sentence() const { return text_; }

 private:
  std::string text_;
  bool is_empty_ = true;
};

void keep_ids(const PackReader& pack, const PackSelection& selection, ImportedImages& images,
              Story& story) {
  const auto apply = [&](const fs::path& file, const std::string& option, bool keeps) {
    if (file.empty()) return;
    const std::unordered_set<std::string> ids = read_ids(file, pack, option);
    std::erase_if(images.images,
                  [&](const ImportedImage& image) { return ids.contains(image.id) != keeps; });
    images.sources.push_back({file.string(), sha256_of_file(file)});
    story.add(text("%s the %zu ids of %s", keeps ? "only" : "without", ids.size(), file.c_str()));
  };
  apply(selection.ids, "--ids", true);
  apply(selection.without_ids, "--without-ids", false);
}

void keep_labelled(const PackSelection& selection, ImportedImages& images, Story& story) {
  if (selection.classes.empty() && selection.keep_without_labels) return;
  const auto bare = std::ranges::count_if(images.images, has_no_label);
  if (bare == 0) return;
  if (!selection.keep_without_labels) std::erase_if(images.images, has_no_label);
  story.add(text("%ld image(s) have none of its classes and were %s", static_cast<long>(bare),
                 selection.keep_without_labels ? "kept" : "dropped"));
}

void keep_limit(const PackSelection& selection, ImportedImages& images, Story& story) {
  if (!selection.limit) return;
  const auto available = std::ssize(images.images);
  if (*selection.limit > available)
    throw UsageError(text("only %ld images are there to draw %ld from",
                          static_cast<long>(available), *selection.limit),
                     "--limit", "lower it");
  draw(*selection.limit, selection.seed, images.images);
  story.add(text("%ld of %ld images, drawn with seed %lu", *selection.limit,
                 static_cast<long>(available), selection.seed));
}

}  // namespace

ImportedImage image_of(const SharedPack& pack, int64_t image) {
  const std::span<const int8_t> labels = pack->labels(image);
  return {.file = {},
          .id = pack->id(image),
          .labels = {labels.begin(), labels.end()},
          .pack = pack,
          .at = image};
}

std::string folder_name(const PackReader& pack) {
  return normal_path(pack.folder()).filename().string();
}

std::string name_with_fingerprint(const PackReader& pack) {
  return pack.folder().string() + " (fingerprint " + pack.fingerprint() + ")";
}

void carry_on(const PackReader& pack, bool same_images, ImportedImages& images) {
  const auto add = [&](const SourceFile& source) {
    const bool is_known = std::ranges::any_of(images.sources, [&](const SourceFile& other) {
      return other.path == source.path && other.sha256 == source.sha256;
    });
    if (!is_known) images.sources.push_back(source);
  };
  for (const SourceFile& source : pack.manifest().sources) add(source);
  const fs::path file = pack.folder() / "pack.json";
  add({file.string(), sha256_of_file(file)});
  for (const std::string& note : pack.manifest().notes)
    images.notes.push_back(same_images ? note : folder_name(pack) + ": " + note);
}

ImportedImages images_of(const SharedPack& pack) {
  const PackManifest& manifest = pack->manifest();
  ImportedImages images;
  images.data_set = manifest.data_set;
  images.split = manifest.split;
  images.classes = manifest.classes;
  images.decoder = manifest.decoder;
  images.images.reserve(static_cast<size_t>(pack->images()));
  for (int64_t i = 0; i < pack->images(); ++i) images.images.push_back(image_of(pack, i));
  carry_on(*pack, true, images);
  return images;
}

ImportedImages select_images(const SharedPack& pack, const PackSelection& selection) {
  ImportedImages images = images_of(pack);
  images.sources.clear();
  images.notes.clear();
  carry_on(*pack, false, images);
  Story story(*pack);
  keep_ids(*pack, selection, images, story);
  if (!selection.classes.empty()) {
    take_columns(columns_of(*pack, selection.classes), images);
    images.classes = selection.classes;
    story.add(text("%zu of %ld classes", selection.classes.size(), pack->classes()));
  }
  keep_labelled(selection, images, story);
  keep_limit(selection, images, story);
  if (images.images.empty())
    throw UsageError("no image of " + pack->folder().string() + " is left", "subset",
                     "select more of them");
  images.notes.push_back(story.sentence());
  return images;
}

PackWriterOptions like(const PackReader& pack, PackWriterOptions options) {
  options.pixels = pack.pixels();
  options.decode = pack.pixels() > 0;  // write_pack() wants it of squares; these are there already
  return options;
}

}  // namespace catamaran
