#include "dataio/manifest_importer.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

#include "dataio/image_folder.h"
#include "dataio/packed_image.h"
#include "dataio/text_lines.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/nearest.h"
#include "support/parallel_for.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

// Rows by image: one listed twice alike counts once, and that is noted.
std::vector<ManifestRow> once_each(std::vector<ManifestRow> rows, ImportProblems& problems,
                                   std::vector<std::string>& notes) {
  std::vector<ManifestRow> kept;
  std::map<std::string, size_t> seen;
  int64_t again = 0;
  std::string first_again;
  for (ManifestRow& row : rows) {
    const auto [first, added] = seen.emplace(row.image, kept.size());
    if (added) {
      kept.push_back(std::move(row));
      continue;
    }
    const ManifestRow& earlier = kept[first->second];
    if (earlier.labels == row.labels && earlier.ignore == row.ignore) {
      if (again++ == 0) first_again = text("line %ld, %s", row.place.line, row.image.c_str());
    } else {
      problems.add(row.place, text("'%s' was listed in line %ld with other labels; keep one of "
                                   "the two lines",
                                   row.image.c_str(), earlier.place.line));
    }
  }
  if (again > 0)
    notes.push_back(text("%ld line(s) list an image again, which counts once (first: %s)", again,
                         first_again.c_str()));
  return kept;
}

std::vector<std::string> classes_of(const ManifestSource& source, const ManifestRows& read) {
  if (!source.classes.empty()) return read_class_names(source.classes);
  if (!read.classes.empty()) return read.classes;
  std::set<std::string> all;
  for (const ManifestRow& row : read.rows) {
    all.insert(row.labels.begin(), row.labels.end());
    all.insert(row.ignore.begin(), row.ignore.end());
  }
  return {all.begin(), all.end()};
}

struct LabelUse {
  int64_t images = 0;
  const ManifestRow* first = nullptr;
};

constexpr size_t kMostLabelsCompared = 1000;  // a list that long is not typed by hand
constexpr int64_t kSlipIsRarer = 20;          // times
constexpr size_t kLettersOfOneSlip = 4;

bool spelt_alike(const std::string& a, const std::string& b) {
  const auto lower = [](std::string name) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    return name;
  };
  const auto letters = static_cast<size_t>(edit_distance(lower(a), lower(b))) * kLettersOfOneSlip;
  return letters <= std::min(a.size(), b.size());
}

// Where no list says what the classes are, a slip of the pen is a class of its own: a rare label
// that is spelt like a frequent one is told.
void note_slips(const std::vector<ManifestRow>& rows, std::vector<std::string>& notes) {
  std::map<std::string, LabelUse> uses;
  for (const ManifestRow& row : rows) {
    for (const auto* const names : {&row.labels, &row.ignore}) {
      for (const std::string& name : *names) {
        LabelUse& use = uses[name];
        if (use.images++ == 0) use.first = &row;
      }
    }
  }
  if (uses.size() > kMostLabelsCompared) return;
  for (const auto& [name, use] : uses) {
    for (const auto& [other, others_use] : uses) {
      if (use.images * kSlipIsRarer > others_use.images || !spelt_alike(name, other)) continue;
      notes.push_back(
          text("%s: '%s' is a label of %ld image(s), '%s' of %ld: a slip? With a list "
               "of classes (--classes FILE) it would be refused",
               text_of(place_of_label(*use.first, name)).c_str(), name.c_str(), use.images,
               other.c_str(), others_use.images));
    }
  }
}

std::vector<int8_t> labels_of(const ManifestRow& row, const std::vector<std::string>& classes,
                              const std::map<std::string, size_t>& class_of,
                              ImportProblems& problems) {
  std::vector<int8_t> labels(classes.size(), -1);
  const auto mark = [&](const std::set<std::string>& names, int8_t value) {
    for (const std::string& name : names) {
      const auto found = class_of.find(name);
      if (found != class_of.end()) {
        labels[found->second] = value;
      } else {
        problems.add(place_of_label(row, name),
                     "'" + name + "' is not in the list of classes" + did_you_mean(name, classes));
      }
    }
  };
  mark(row.labels, 1);
  mark(row.ignore, 0);
  return labels;
}

// What is no JPEG, by image; empty where nothing is wrong or nothing is there.
std::vector<std::string> look_into_files(const std::vector<ImportedImage>& images,
                                         const std::vector<size_t>& missing) {
  std::vector<std::string> wrong(images.size());
  parallel_for(std::ssize(images), threads_or_cores(0), [&] {
    return [&, intake = ImageIntake({.pixels = 0, .decode = false})](int64_t i) mutable {
      const auto at = static_cast<size_t>(i);
      if (!std::ranges::binary_search(missing, at)) wrong[at] = intake.take(images[at]).problem;
    };
  });
  return wrong;
}

// A folder that is not the one meant is one problem; else each missing file is one, the first of
// them by name, and on demand each file that is no JPEG.
void look_at_files(const ManifestSource& source, const std::vector<ManifestRow>& rows,
                   const std::vector<ImportedImage>& images, ImportProblems& problems) {
  const ImageFolder folder = look_into_folder(source.images, images);
  if (folder.is_wrong()) {
    if (problems.count() == 0) folder.require_some(kCheckImageFolder, /*may_miss_images=*/false);
    return problems.add({}, folder.folder.string() + ": " + folder.problem());
  }
  const size_t named = std::min(folder.missing.size(), kMissingImagesNamed);
  for (size_t i = 0; i < named; ++i) {
    const size_t at = folder.missing[i];
    problems.add(rows[at].place, "there is no file " + images[at].file.string());
  }
  problems.add_unnamed(static_cast<int64_t>(folder.missing.size() - named));
  if (!source.look_into_files) return;
  const std::vector<std::string> wrong = look_into_files(images, folder.missing);
  for (size_t i = 0; i < wrong.size(); ++i) {
    if (!wrong[i].empty()) problems.add(rows[i].place, wrong[i]);
  }
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
  ImportProblems problems(source.manifest.string());
  ManifestRows read = read_manifest_rows(source.manifest, source.format, problems);
  ImportedImages imported;
  read.rows = once_each(std::move(read.rows), problems, imported.notes);
  if (read.rows.empty() && problems.count() == 0)
    throw DataError("the manifest lists no picture", source.manifest.string(),
                    R"(each line is {"image": "a.jpg", "labels": ["dog"]})");
  imported.classes = classes_of(source, read);
  if (source.classes.empty() && read.classes.empty()) note_slips(read.rows, imported.notes);
  if (imported.classes.empty() && problems.count() == 0)
    throw DataError("there are no classes", source.manifest.string(),
                    "give labels, or --classes FILE");
  imported.data_set = fs::absolute(source.manifest).parent_path().filename().string();
  imported.split = source.manifest.stem().string();
  imported.sources.push_back({source.manifest.string(), sha256_of_file(source.manifest)});
  if (!source.classes.empty())
    imported.sources.push_back({source.classes.string(), sha256_of_file(source.classes)});
  std::map<std::string, size_t> class_of;
  for (size_t c = 0; c < imported.classes.size(); ++c) class_of[imported.classes[c]] = c;
  int64_t bare = 0;
  for (const ManifestRow& row : read.rows) {
    imported.images.push_back({source.images / row.image, row.image,
                               labels_of(row, imported.classes, class_of, problems)});
    bare += row.labels.empty() ? 1 : 0;
  }
  if (source.look_for_files) look_at_files(source, read.rows, imported.images, problems);
  problems.throw_if_any("correct the lines; `--check` looks again without packing");
  if (bare > 0)
    imported.notes.push_back(std::to_string(bare) + " images have no label and were kept");
  return imported;
}

}  // namespace catamaran
