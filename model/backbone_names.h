// The backbones that this program knows, by the name of model.backbone.name, and what a check of
// options wants to know of them. No torch; the registry in model/backbone.cpp has the facts.
// Thread-safe.
//
//   backbone_names();         // {"resnet10_narrow", "resnet18", ...}, in the registry's order
//   backbone_names_text();    // "resnet10_narrow, resnet18, ...", for messages and help
//   highest_level_side("convnext_tiny", 448);    // 14: S5 of a square input, pixels
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace catamaran {

std::vector<std::string> backbone_names();
std::string backbone_names_text();
// Empty for a name that is not known.
std::optional<int64_t> highest_level_side(const std::string& name, int64_t input_size);

}  // namespace catamaran
