// Each operation against torchvision's with PIL, whose results tests/golden/dataio_pixel_ops.py
// wrote.
#include "dataio/pixel_ops.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "golden_file.h"
#include "support/json.h"

namespace catamaran {
namespace {

using Bytes = std::vector<uint8_t>;

// torchvision gives factors as what is added to 1, and thresholds as parts of 255.
PixelOp op_of(const std::string& name, double value) {
  static const std::map<std::string, PixelOpKind> kinds = {
      {"Identity", PixelOpKind::kIdentity},
      {"ShearX", PixelOpKind::kShearX},
      {"ShearY", PixelOpKind::kShearY},
      {"TranslateX", PixelOpKind::kTranslateX},
      {"TranslateY", PixelOpKind::kTranslateY},
      {"Rotate", PixelOpKind::kRotate},
      {"Brightness", PixelOpKind::kBrightness},
      {"Color", PixelOpKind::kSaturation},
      {"Contrast", PixelOpKind::kContrast},
      {"Sharpness", PixelOpKind::kSharpness},
      {"Posterize", PixelOpKind::kPosterize},
      {"Solarize", PixelOpKind::kSolarize},
      {"AutoContrast", PixelOpKind::kAutoContrast},
      {"Equalize", PixelOpKind::kEqualize},
      {"Hue", PixelOpKind::kHue},
  };
  if (name == "Brightness" || name == "Color" || name == "Contrast" || name == "Sharpness")
    return {kinds.at(name), 1 + value};
  return {kinds.at(name), name == "Solarize" ? 255 * value : value};
}

void expect_every_case_is_torchvisions() {
  const nlohmann::json cases =
      read_json_file(golden_path("pixel_ops/cases.json"), ErrorKind::kData);
  EXPECT_GT(cases.size(), 500u);
  std::map<std::string, Bytes> pictures;
  PixelOps ops;
  for (const auto& test_case : cases) {
    const std::string before = test_case["before"];
    const std::string after = test_case["after"];
    if (!pictures.contains(before)) pictures[before] = golden_bytes("pixel_ops/" + before);
    Bytes pixels = pictures[before];
    ops.apply(op_of(test_case["op"], test_case["value"]),
              {pixels.data(), test_case["height"], test_case["width"]});
    EXPECT_TRUE(pixels == golden_bytes("pixel_ops/" + after)) << test_case.dump();
  }
}

TEST(PixelOps, GiveTorchvisionsBytes) { expect_every_case_is_torchvisions(); }

TEST(PixelOps, GiveTheSameBytesWithEveryInstructionSet) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    expect_every_case_is_torchvisions();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace
}  // namespace catamaran
