#include "trainer/explain_source.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>

#include "dataio/image_inputs.h"
#include "dataio/manifest_importer.h"
#include "dataio/pack_reader.h"
#include "dataio/picture_reader.h"
#include "support/error.h"
#include "support/nearest.h"
#include "trainer/prepared_model.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kImagesOfAPack = 8;  // where nobody says how many

// What `read` finds wrong with a picture is the picture's error, not the source's.
template <typename Read>
SourcePicture readable(const std::string& name, Read&& read) {
  SourcePicture picture;
  picture.name = name;
  try {
    read(picture);
  } catch (const DataError& problem) {
    picture.error = problem.what();
  }
  return picture;
}

// One spelling for each file.
std::string key_of(const fs::path& path) {
  std::error_code code;
  return fs::weakly_canonical(fs::absolute(path, code), code).string();
}

// The labels of a manifest, in the order of the model's classes.
class ManifestTruth {
 public:
  ManifestTruth(const fs::path& manifest, const fs::path& images,
                const std::vector<std::string>& classes)
      : manifest_(manifest) {
    const ImportedImages imported =
        import_manifest({.images = images.empty() ? manifest.parent_path() : images,
                         .manifest = manifest,
                         .classes = {}});
    std::vector<size_t> place;
    for (const std::string& name : imported.classes) {
      const auto found = std::find(classes.begin(), classes.end(), name);
      if (found == classes.end()) {
        throw DataError("the model has no class '" + name + "'" + did_you_mean(name, classes),
                        manifest.string(), "use the manifest of the model's own data");
      }
      place.push_back(static_cast<size_t>(found - classes.begin()));
    }
    for (const ImportedImage& image : imported.images) {
      std::vector<int8_t> truth(classes.size(), -1);
      for (size_t c = 0; c < place.size(); ++c) truth[place[c]] = image.labels[c];
      truth_.emplace(key_of(image.file), std::move(truth));
      files_.push_back(image.file.string());
    }
  }

  const std::vector<std::string>& files() const { return files_; }
  const std::vector<int8_t>& of(const std::string& path) const {
    const auto found = truth_.find(key_of(path));
    if (found != truth_.end()) return found->second;
    throw DataError("the manifest has no line for the picture", manifest_.string() + ", " + path,
                    "name its pictures, give their folder as --images, or leave --manifest out");
  }

 private:
  fs::path manifest_;
  std::vector<std::string> files_;
  std::map<std::string, std::vector<int8_t>> truth_;
};

class FileSource : public ExplainSource {
 public:
  FileSource(const ExplainRequest& request, const std::vector<std::string>& classes) {
    if (!request.manifest.empty()) truth_.emplace(request.manifest, request.images, classes);
    inputs_ =
        std::make_unique<ImageInputs>(request.inputs.empty() ? truth_->files() : request.inputs);
  }
  std::optional<SourcePicture> next() override {
    const std::optional<std::string> path = inputs_->next({});
    if (!path) return std::nullopt;
    return readable(*path, [&](SourcePicture& picture) {
      picture.stem = fs::path(*path).stem().string();
      read_picture_file(*path, picture.jpeg);
      if (truth_) picture.truth = truth_->of(*path);
    });
  }

 private:
  std::optional<ManifestTruth> truth_;
  std::unique_ptr<ImageInputs> inputs_;
};

class PackSource : public ExplainSource {
 public:
  PackSource(const ExplainRequest& request, const std::vector<std::string>& classes,
             const std::vector<ChosenImage>& chosen)
      : pack_(request.pack), images_(chosen.begin(), chosen.end()) {
    if (pack_.pixels() > 0) {
      throw DataError("the pack holds pixels, not the pictures that explain draws on",
                      pack_.folder().string(), "name the pack of the JPEG files");
    }
    require_same_class_list(classes, request.checkpoint.string(), pack_.manifest().classes,
                            "the pack " + pack_.folder().string());
    if (!chosen.empty()) return;
    std::map<std::string, int64_t> place;
    for (int64_t i = 0; i < pack_.images(); ++i) place.emplace(pack_.id(i), i);
    for (const std::string& id : request.ids) {
      const auto found = place.find(id);
      if (found == place.end()) {
        throw DataError("the pack has no image '" + id + "'", pack_.folder().string(),
                        "its first is '" + pack_.id(0) + "'");
      }
      images_.push_back({found->second, "", 0});
    }
    const int64_t wanted = request.count > 0 ? request.count : kImagesOfAPack;
    const int64_t first = request.ids.empty() ? std::min(wanted, pack_.images()) : 0;
    for (int64_t i = 0; i < first; ++i) images_.push_back({i, "", 0});
  }
  std::optional<SourcePicture> next() override {
    if (images_.empty()) return std::nullopt;
    const ChosenImage chosen = images_.front();
    const int64_t image = chosen.image;
    images_.pop_front();
    const std::span<const int8_t> labels = pack_.labels(image);
    return readable(pack_.folder().string() + ":" + pack_.id(image), [&](SourcePicture& picture) {
      picture.stem = fs::path(pack_.id(image)).stem().string();
      picture.truth.assign(labels.begin(), labels.end());
      picture.rank = chosen.rank;
      picture.loss = chosen.loss;
      pack_.read_image(image, picture.jpeg);
    });
  }

 private:
  PackReader pack_;
  std::deque<ChosenImage> images_;
};

}  // namespace

std::unique_ptr<ExplainSource> open_explain_source(const ExplainRequest& request,
                                                   const std::vector<std::string>& classes,
                                                   const std::vector<ChosenImage>& chosen) {
  const bool files = !request.inputs.empty() || !request.manifest.empty();
  if (files && !request.pack.empty()) {
    throw UsageError("pictures are named as files and as images of a pack", "--data",
                     "use files (with --manifest for the truth) or --data, not both");
  }
  if (!files && request.pack.empty()) {
    throw UsageError("no picture is named", "explain",
                     "name files or folders, --manifest FILE, or --data PACK");
  }
  if (files) return std::make_unique<FileSource>(request, classes);
  return std::make_unique<PackSource>(request, classes, chosen);
}

}  // namespace catamaran
