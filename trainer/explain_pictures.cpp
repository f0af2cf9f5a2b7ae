#include "trainer/explain_pictures.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "drawing/heat_map.h"
#include "model/activation_map.h"
#include "support/text.h"

namespace catamaran {
namespace {

// Logits; a map that varies less has nothing to tell.
constexpr double kLeastSpread = 0.25;
constexpr double kDarkness = 0.75;  // of what the model was not shown

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

Rectangle part_of(const Picture& picture, ImageSize image, const Region& region) {
  const auto between = [](double from, double to, int64_t image_side, int64_t side) {
    const double scale = static_cast<double>(side) / static_cast<double>(image_side);
    const int64_t first = std::clamp<int64_t>(std::llround(from * scale), 0, side - 1);
    return std::pair(first, std::clamp<int64_t>(std::llround(to * scale), first + 1, side));
  };
  const auto [left, right] = between(region.left, region.right, image.width, picture.width());
  const auto [top, bottom] = between(region.top, region.bottom, image.height, picture.height());
  return {.left = left, .top = top, .width = right - left, .height = bottom - top};
}

Picture overlay(const Picture& picture, const torch::Tensor& map_HW, const Rectangle& part) {
  const torch::Tensor seen_HW = upsampled(map_HW, part.height, part.width);
  Picture seen(part.width, part.height, kGround);
  seen.paste(picture, -part.left, -part.top);
  Picture over = picture;
  for (int64_t y = 0; y < over.height(); ++y) {
    for (int64_t x = 0; x < over.width(); ++x) over.blend(x, y, kGround, kDarkness);
  }
  over.paste(heat_over(seen, {seen_HW.data_ptr<float>(), static_cast<size_t>(seen_HW.numel())},
                       kLeastSpread),
             part.left, part.top);
  return over;
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
