// The backbones that this program knows, by the name of model.backbone.name. Plain text, no torch;
// the list comes from the registry in model/backbone.cpp. Thread-safe.
//
//   backbone_names();         // {"resnet10_narrow", "resnet18", ...}, in the registry's order
//   backbone_names_text();    // "resnet10_narrow, resnet18, ...", for messages and help
#pragma once

#include <string>
#include <vector>

namespace catamaran {

std::vector<std::string> backbone_names();
std::string backbone_names_text();

}  // namespace catamaran
