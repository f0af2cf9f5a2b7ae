// Whether the folder that a user named holds the images that the labels name. A wrong folder is one
// mistake and told in one sentence, not once for each image.
//
//   look_into_folder("photos", imported.images).require_some("check --images: ...", skip_bad);
//
// The folder is wrong where of two images or more none is there, or at most one in
// kImagesOfFewThere. Looking is one stat an image, on all cores. Errors: DataError from
// require_some. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dataio/imported_images.h"

namespace catamaran {

constexpr int64_t kImagesOfFewThere = 20;
constexpr size_t kMissingImagesNamed = 10;  // where the folder is the right one

// Of a label file that names images by their paths in a folder.
constexpr const char* kCheckImageFolder =
    "check --images, the folder that the image paths of the label file are relative to";

struct ImageFolder {
  std::filesystem::path folder;
  int64_t images = 0;
  std::vector<size_t> missing;  // which of them
  std::filesystem::path first_missing;

  int64_t there() const { return images - std::ssize(missing); }
  bool is_empty() const { return images > 1 && there() == 0; }  // of these images
  bool is_wrong() const { return images > 1 && there() * kImagesOfFewThere <= images; }
  // "none of the 400 images is there (the first is expected at photos/a.jpg)"
  std::string problem() const;
  // Where some images may be missing, the folder is refused only if all are.
  void require_some(const std::string& hint, bool may_miss_images) const;
};

// All images are files of `folder`, by their paths.
ImageFolder look_into_folder(const std::filesystem::path& folder,
                             const std::vector<ImportedImage>& images);

}  // namespace catamaran
