#include "dataio/image_folder.h"

#include "support/error.h"
#include "support/parallel_for.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string ImageFolder::problem() const {
  std::error_code code;
  const std::string begin = fs::is_directory(folder, code) ? "" : "there is no such folder: ";
  const std::string expected = first_missing.string();
  if (there() == 0)
    return begin + text("none of the %ld images is there (the first is expected at %s)", images,
                        expected.c_str());
  return begin + text(
                     "only %ld of the %ld images are there (the first that is not is expected at "
                     "%s)",
                     there(), images, expected.c_str());
}

void ImageFolder::require_some(const std::string& hint, bool may_miss_images) const {
  if (may_miss_images ? is_empty() : is_wrong()) throw DataError(problem(), folder.string(), hint);
}

ImageFolder look_into_folder(const fs::path& folder, const std::vector<ImportedImage>& images) {
  std::vector<char> missing(images.size());
  parallel_for(std::ssize(images), threads_or_cores(0), [&] {
    return [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      std::error_code code;
      missing[at] = fs::is_regular_file(images[at].file, code) ? 0 : 1;
    };
  });
  ImageFolder look;
  look.folder = folder;
  look.images = std::ssize(images);
  for (size_t i = 0; i < images.size(); ++i) {
    if (missing[i] == 0) continue;
    if (look.missing.empty()) look.first_missing = images[i].file;
    look.missing.push_back(i);
  }
  return look;
}

}  // namespace catamaran
