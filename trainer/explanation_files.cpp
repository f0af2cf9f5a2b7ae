#include "trainer/explanation_files.h"

#include <cctype>

#include "drawing/png_file.h"
#include "support/text.h"
#include "trainer/explain_pictures.h"
#include "trainer/npy_file.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kSmallestSide = 256;  // small pictures are enlarged, so that people can see them
constexpr int64_t kLargestSide = 768;
constexpr int64_t kSheetSide = 240;

// Letters and digits of any script stay; what could mislead a shell or a path becomes "_".
std::string file_safe(const std::string& text) {
  constexpr size_t kLongest = 80;       // bytes; a file name has room for 255
  const bool readable = is_utf8(text);  // explain.json could not name other bytes
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    safe += (readable && byte >= 0x80) || std::isalnum(byte) || c == '-' ? c : '_';
  }
  if (safe.size() > kLongest) {  // between two characters of UTF-8
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(safe[end]) & 0xC0) == 0x80) --end;
    safe.resize(end);
  }
  return safe.empty() ? "_" : safe;
}

}  // namespace

ExplanationFiles::ExplanationFiles(const ExplainRequest& request, const fs::path& folder,
                                   const SourcePicture& source, const RgbImage& image,
                                   int64_t number)
    : request_(request),
      folder_(folder),
      source_(source),
      size_(image.size),
      stem_(std::to_string(number) + "-" + file_safe(source.stem)),
      view_(viewable(image, kSmallestSide, kLargestSide)),
      small_(viewable(image, kSheetSide, kSheetSide)) {
  write_png(folder_ / (stem_ + ".png"), view_);
  sheet_.title = printable(source.name);
  entry_ = {{"image", source.name}, {"picture", stem_ + ".png"}};
  if (!source.rank.empty()) entry_.update({{"rank", source.rank}, {"loss", source.loss}});
}

json ExplanationFiles::add_model(Explainer& model, const Answer& answer,
                                 const std::vector<size_t>& labels, const std::string& suffix,
                                 const std::function<void(const Explanation&)>& explained) {
  const Region& seen = answer.seen;
  const Rectangle large_part = part_of(view_, size_, seen);
  const Rectangle small_part = part_of(small_, size_, seen);
  json list = json::array();
  SheetRow row{.name = request_.compare.empty() ? "" : model.name(),
               .tiles = {{small_, truth_caption(model.classes())}}};
  for (const size_t c : labels) {
    const std::string& label = model.classes()[c];
    const double p = answer.probabilities[c];
    const Verdict v =
        verdict(p, model.thresholds()[c], source_.truth.empty() ? kNoTruth : source_.truth[c]);
    occurring_.push_back(v);
    const torch::Tensor map_HW = answer.cam.maps_LHW[static_cast<int64_t>(c)];
    const std::string file = unused(stem_ + "-" + file_safe(label) + suffix);
    write_png(folder_ / file,
              with_caption(overlay(view_, map_HW, large_part), caption(label, p, v)));
    row.tiles.push_back({overlay(small_, map_HW, small_part), caption(label, p, v)});
    list.push_back({{"label", label},
                    {"probability", p},
                    {"threshold", model.thresholds()[c]},
                    {"verdict", name_of(v)},
                    {"logit", answer.logit_L[static_cast<int64_t>(c)].item<float>()},
                    {"bias", answer.cam.bias_L[static_cast<int64_t>(c)].item<float>()},
                    {"overlay", file}});
    explained({source_.name, model.name(), label, p, name_of(v), request_.out / file});
  }
  sheet_.rows.push_back(std::move(row));
  return {{"labels", list},
          {"maps", write_maps(answer.cam.maps_LHW, labels, suffix)},
          {"seen", {seen.left, seen.top, seen.right, seen.bottom}}};
}

json ExplanationFiles::finish() {
  sheet_.notes = legend(occurring_);
  write_png(folder_ / (stem_ + ".sheet.png"), contact_sheet(sheet_));
  entry_["sheet"] = stem_ + ".sheet.png";
  return entry_;
}

Caption ExplanationFiles::truth_caption(const std::vector<std::string>& classes) const {
  if (source_.truth.empty()) return {};
  std::string names;
  for (size_t c = 0; c < classes.size(); ++c) {
    if (source_.truth[c] > 0) names += (names.empty() ? "" : ", ") + classes[c];
  }
  return {.text = "labelled: " + (names.empty() ? "nothing" : names), .value = "", .colour = kDim};
}

// Two labels may look alike once they are file names.
std::string ExplanationFiles::unused(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !used_.insert(name).second; ++i) name = wanted + "-" + std::to_string(i);
  return name + ".png";
}

std::string ExplanationFiles::write_maps(const torch::Tensor& maps_LHW,
                                         const std::vector<size_t>& labels,
                                         const std::string& suffix) {
  const std::vector<int64_t> rows(labels.begin(), labels.end());
  const torch::Tensor chosen_LHW =
      maps_LHW.index_select(0, torch::tensor(rows, torch::kInt64)).contiguous();
  const std::string file = stem_ + suffix + ".maps.npy";
  write_npy(folder_ / file, chosen_LHW.sizes().vec(),
            {chosen_LHW.data_ptr<float>(), static_cast<size_t>(chosen_LHW.numel())});
  return file;
}

}  // namespace catamaran
