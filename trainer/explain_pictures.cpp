#include "trainer/explain_pictures.h"

#include <algorithm>
#include <cmath>

#include "drawing/heat_map.h"
#include "model/activation_map.h"
#include "support/text.h"

namespace catamaran {
namespace {

// Logits; a map that varies less has nothing to tell.
constexpr double kLeastSpread = 0.25;

Colour colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMissing:
      return kRed;
    case Verdict::kWrong:
      return kBlue;
    case Verdict::kAbsent:
    case Verdict::kIgnored:
      return kDim;
    default:
      return kLight;
  }
}

}  // namespace

Picture viewable(const RgbImage& image, int64_t least, int64_t most) {
  const int64_t height = image.size.height;
  const int64_t width = image.size.width;
  const auto longest = static_cast<double>(std::max(height, width));
  const double scale =
      std::clamp(longest, static_cast<double>(least), static_cast<double>(most)) / longest;
  if (scale == 1) return Picture(width, height, image.pixels);
  const auto scaled = [&](int64_t side) {
    return std::max<int64_t>(1, std::llround(static_cast<double>(side) * scale));
  };
  const torch::Tensor bytes_HWC = torch::empty({height, width, 3}, torch::kUInt8);
  std::copy(image.pixels.begin(), image.pixels.end(), bytes_HWC.data_ptr<uint8_t>());
  const auto options = torch::nn::functional::InterpolateFuncOptions()
                           .size(std::vector<int64_t>{scaled(height), scaled(width)})
                           .mode(torch::kBilinear)
                           .align_corners(false)
                           .antialias(true);
  const torch::Tensor scaled_CHW = torch::nn::functional::interpolate(
      bytes_HWC.permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat32), options)[0];
  const torch::Tensor result_HWC =
      scaled_CHW.permute({1, 2, 0}).round().clamp(0, 255).to(torch::kUInt8).contiguous();
  return Picture(result_HWC.size(1), result_HWC.size(0),
                 {result_HWC.data_ptr<uint8_t>(), static_cast<size_t>(result_HWC.numel())});
}

Picture overlay(const Picture& picture, const torch::Tensor& map_HW) {
  const torch::Tensor seen_HW = upsampled(map_HW, picture.height(), picture.width());
  return heat_over(picture, {seen_HW.data_ptr<float>(), static_cast<size_t>(seen_HW.numel())},
                   kLeastSpread);
}

Caption caption(const std::string& label, double probability, Verdict verdict) {
  const std::string word = word_of(verdict);
  return {.text = label,
          .value = word + text(word.empty() ? "%.1f %%" : "  %.1f %%", 100 * probability),
          .colour = colour_of(verdict)};
}

std::vector<Caption> legend(const std::vector<Verdict>& occurring) {
  std::vector<Caption> notes;
  const auto note = [&](Verdict verdict, const char* meaning) {
    if (std::find(occurring.begin(), occurring.end(), verdict) != occurring.end())
      notes.push_back({.text = meaning, .value = "", .colour = colour_of(verdict)});
  };
  note(Verdict::kMissing, "missing: in the picture, yet under its threshold");
  note(Verdict::kWrong, "wrong: over its threshold, yet not in the picture");
  note(Verdict::kIgnored, "ignored: the truth leaves it open");
  return notes;
}

}  // namespace catamaran
