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
#include "torchvision_operations.h"

namespace catamaran {
namespace {

using Bytes = std::vector<uint8_t>;

// torchvision gives factors as what is added to 1, and thresholds as parts of 255.
PixelOp op_of(const std::string& name, double value) {
  static const std::map<std::string, PixelOpKind> kinds = [] {
    const auto& operations = torchvisions_operations();
    std::map<std::string, PixelOpKind> all(operations.begin(), operations.end());
    all["Hue"] = PixelOpKind::kHue;
    return all;
  }();
  const PixelOpKind kind = kinds.at(name);
  if (is_factor(kind)) return {kind, 1 + value};
  return {kind, kind == PixelOpKind::kSolarize ? 255 * value : value};
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
