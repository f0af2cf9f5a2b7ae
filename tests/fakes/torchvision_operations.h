// RandAugment's operations in torchvision's words and order.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dataio/pixel_ops.h"

namespace catamaran {

inline const std::vector<std::pair<std::string, PixelOpKind>>& torchvisions_operations() {
  static const std::vector<std::pair<std::string, PixelOpKind>> operations = {
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
      {"Equalize", PixelOpKind::kEqualize}};
  return operations;
}

// Those that torchvision gives as what is added to 1.
inline bool is_factor(PixelOpKind kind) {
  return kind == PixelOpKind::kBrightness || kind == PixelOpKind::kSaturation ||
         kind == PixelOpKind::kContrast || kind == PixelOpKind::kSharpness;
}

}  // namespace catamaran
