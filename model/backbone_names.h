// The backbones that this program knows, by the name of model.backbone.name, and what a check of
// options wants to know of them. No torch; the registry in model/backbone.cpp has the facts.
// Thread-safe.
//
//   backbone_names();         // {"resnet10_narrow", "resnet18", ...}, in the registry's order
//   backbone_names_text();    // "resnet10_narrow, resnet18, ...", for messages and help
//   highest_level_side("convnext_tiny", 448);    // 14: S5 of a square input, pixels
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace catamaran {

std::vector<std::string> backbone_names();
std::string backbone_names_text();
// Empty for a name that is not known.
std::optional<int64_t> highest_level_side(const std::string& name, int64_t input_size);

// Of RGB in 0..1: what pictures are normalised with.
struct InputStatistics {
  std::array<double, 3> mean = {0.485, 0.456, 0.406};  // ImageNet's
  std::array<double, 3> std = {0.229, 0.224, 0.225};
  bool operator==(const InputStatistics&) const = default;
};
// What the published weights of a backbone want (timm's pretrained_cfg). Empty for a name that is
// not known, and where no weights are published.
std::optional<InputStatistics> published_input(const std::string& name);

}  // namespace catamaran
