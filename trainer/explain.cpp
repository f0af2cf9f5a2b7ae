// explain of trainer/api.h: class activation maps over the picture, as in Fig. 3 of the paper.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "model/activation_map.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "trainer/api.h"
#include "trainer/png_file.h"
#include "trainer/single_image.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSmallestSide = 256;  // small pictures are enlarged, so that people can see them
constexpr int64_t kLargestSide = 768;
constexpr float kOverlayShare = 0.55f;

// picture_HWC in 0..255 as float, brought to a size people can look at.
torch::Tensor viewable(const RgbImage& picture) {
  const int64_t height = picture.size.height;
  const int64_t width = picture.size.width;
  const torch::Tensor bytes_HWC = torch::empty({height, width, 3}, torch::kUInt8);
  std::copy(picture.pixels.begin(), picture.pixels.end(), bytes_HWC.data_ptr<uint8_t>());
  const auto longest = static_cast<double>(std::max(height, width));
  const double scale =
      std::clamp(longest, static_cast<double>(kSmallestSide), static_cast<double>(kLargestSide)) /
      longest;
  const std::vector<int64_t> size = {
      std::max<int64_t>(1, std::llround(static_cast<double>(height) * scale)),
      std::max<int64_t>(1, std::llround(static_cast<double>(width) * scale))};
  const auto options = torch::nn::functional::InterpolateFuncOptions()
                           .size(size)
                           .mode(torch::kBilinear)
                           .align_corners(false)
                           .antialias(true);
  const torch::Tensor scaled = torch::nn::functional::interpolate(
      bytes_HWC.permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat32), options);
  return scaled[0].permute({1, 2, 0}).clamp(0, 255).contiguous();
}

// Blue over green and yellow to red: 0..1 in HW to 0..255 in HWC.
torch::Tensor heat_colours(const torch::Tensor& heat_HW) {
  const auto ramp = [&](double centre) { return (1.5 - (heat_HW * 4 - centre).abs()).clamp(0, 1); };
  return torch::stack({ramp(3), ramp(2), ramp(1)}, 2) * 255;
}

void save(const torch::Tensor& picture_HWC, const fs::path& path) {
  const torch::Tensor bytes = picture_HWC.round().clamp(0, 255).to(torch::kUInt8).contiguous();
  write_png(path, bytes.size(1), bytes.size(0),
            {bytes.data_ptr<uint8_t>(), static_cast<size_t>(bytes.numel())});
}

// Where the map is above its label's zero line it glows; the rest keeps its colours, darkened.
torch::Tensor overlay(const torch::Tensor& picture_HWC, const torch::Tensor& map_HW) {
  const torch::Tensor low = map_HW.min();
  const torch::Tensor heat_HW = (map_HW - low) / (map_HW.max() - low).clamp_min(1e-6);
  const torch::Tensor weight_HW1 = (heat_HW * kOverlayShare + 0.15).unsqueeze(2);
  return picture_HWC * (1 - weight_HW1) + heat_colours(heat_HW) * weight_HW1;
}

std::string file_safe(const std::string& text) {
  std::string safe;
  for (const char c : text) safe += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return safe;
}

std::vector<LabelScore> labels_to_show(const std::vector<LabelScore>& ranked, int64_t most,
                                       double threshold) {
  std::vector<LabelScore> shown;
  for (const LabelScore& score : ranked) {
    const bool enough = static_cast<int64_t>(shown.size()) >= most ||
                        (!shown.empty() && score.probability < threshold);
    if (enough) break;
    shown.push_back(score);
  }
  return shown;
}

}  // namespace

std::vector<Explanation> explain(const fs::path& checkpoint, const std::vector<fs::path>& images,
                                 const fs::path& out, int64_t most, double threshold, int threads) {
  const torch::NoGradGuard no_grad;
  SingleImageModel model(checkpoint, "auto", threads);
  const std::vector<std::string>& classes = model.classes();
  std::vector<Explanation> explanations;
  nlohmann::json index = {{"images", nlohmann::json::array()}};
  for (size_t i = 0; i < images.size(); ++i) {
    const SingleImage image = model.load(images[i]);
    const CatOutput output = model.forward(image, true);
    const torch::Tensor picture_HWC = viewable(image.picture);
    const torch::Tensor maps_LHW = activation_maps(output, model.cat().fusion_weights(), 0,
                                                   picture_HWC.size(0), picture_HWC.size(1));
    const std::string stem = std::to_string(i + 1) + "-" + file_safe(images[i].stem().string());
    save(picture_HWC, out / (stem + ".png"));
    nlohmann::json entry = {{"image", images[i].string()},
                            {"picture", stem + ".png"},
                            {"labels", nlohmann::json::array()}};
    for (const LabelScore& score : labels_to_show(model.ranked(output), most, threshold)) {
      const auto label = std::find(classes.begin(), classes.end(), score.label) - classes.begin();
      const std::string name = stem + "-" + file_safe(score.label) + ".png";
      save(overlay(picture_HWC, maps_LHW[label]), out / name);
      entry["labels"].push_back(
          {{"label", score.label}, {"probability", score.probability}, {"overlay", name}});
      explanations.push_back({images[i].string(), score.label, score.probability, out / name});
    }
    index["images"].push_back(entry);
  }
  write_file_atomically(out / "explain.json", json_text(index) + "\n", ErrorKind::kUsage);
  return explanations;
}

}  // namespace catamaran
