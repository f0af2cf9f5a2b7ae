#include "monitoring/recorded_explanation.h"

#include "drawing/thumbnail.h"
#include "monitoring/recorded_files.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kLargestPictureBytes = int64_t{32} << 20;
constexpr int64_t kShownSide = 360;  // pixels; a page shows them at 220 or less, screens double

template <typename T>
T field(const json& object, const char* key, const fs::path& index) {
  return json_field<T>(object, key, index.string(), ErrorKind::kUsage);
}

std::string read_small(const fs::path& folder, const std::string& name, const fs::path& index) {
  const fs::path file(name);
  if (name.empty() || file.filename() != file || name == ".." || name == ".") {
    throw UsageError("the picture '" + name + "' is not a file of this folder", index.string(),
                     "run `catamaran explain` again");
  }
  const fs::path path = folder / file;
  return thumbnail(read_whole(path, kLargestPictureBytes), kShownSide, path.string()).jpeg;
}

ExplainedImage image_of(const json& entry, const fs::path& folder, const fs::path& index) {
  ExplainedImage image;
  image.image = field<std::string>(entry, "image", index);
  image.picture_jpeg = read_small(folder, field<std::string>(entry, "picture", index), index);
  if (entry.contains("rank")) {
    image.rank = field<std::string>(entry, "rank", index);
    image.loss = field<double>(entry, "loss", index);
  }
  for (const json& label : field<std::vector<json>>(entry, "labels", index)) {
    const bool shown = image.labels.size() < kMostOverlays;
    image.labels.push_back(
        {field<std::string>(label, "label", index), field<double>(label, "probability", index),
         shown ? read_small(folder, field<std::string>(label, "overlay", index), index) : "",
         label.contains("verdict") ? field<std::string>(label, "verdict", index) : ""});
  }
  return image;
}

}  // namespace

std::vector<ExplainedImage> read_explained(const fs::path& folder,
                                           std::vector<std::string>& problems) {
  const fs::path index = folder / "explain.json";
  std::error_code code;
  if (!fs::exists(index, code)) return {};
  std::vector<ExplainedImage> images;
  try {
    const json root = read_json_file(index, ErrorKind::kUsage);
    for (const json& entry : field<std::vector<json>>(root, "images", index)) {
      if (images.size() == kMostExplained) break;
      try {
        images.push_back(image_of(entry, folder, index));
      } catch (const Error& problem) {
        problems.emplace_back(problem.what());
      }
    }
  } catch (const Error& problem) {
    problems.emplace_back(problem.what());
  }
  return images;
}

}  // namespace catamaran
