// Each operation against torchvision's with PIL, whose results tests/golden/dataio_pixel_ops.py
// wrote.
#include "dataio/pixel_ops.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "support/json.h"

namespace catamaran {
namespace {

using Bytes = std::vector<uint8_t>;

std::filesystem::path golden_folder() {
  const char* folder = std::getenv("CATAMARAN_GOLDEN");
  if (folder == nullptr) throw std::runtime_error("CATAMARAN_GOLDEN is not set: run under ctest");
  return std::filesystem::path(folder) / "pixel_ops";
}

Bytes read_file(const std::string& name) {
  std::ifstream file(golden_folder() / name, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

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
  const nlohmann::json cases = read_json_file(golden_folder() / "cases.json", ErrorKind::kData);
  EXPECT_GT(cases.size(), 500u);
  std::map<std::string, Bytes> pictures;
  PixelOps ops;
  for (const auto& test_case : cases) {
    const std::string before = test_case["before"];
    if (!pictures.contains(before)) pictures[before] = read_file(before);
    Bytes pixels = pictures[before];
    ops.apply(op_of(test_case["op"], test_case["value"]),
              {pixels.data(), test_case["height"], test_case["width"]});
    EXPECT_TRUE(pixels == read_file(test_case["after"])) << test_case.dump();
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
