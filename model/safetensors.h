// Tensors of safetensors files, in and out. Reading trusts nothing (support/safetensors_header.h);
// writing is atomic, names in the given order, header padded so that the data begin 64-byte
// aligned.
//
//   const TensorFile file = read_safetensors(path);      // file.tensors: name -> CPU tensor
//   write_safetensors(path, tensors, metadata);
//
// Errors: WeightsError with file and tensor name. Thread-safe.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/safetensors_header.h"

namespace catamaran {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

struct TensorFile {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

TensorFile read_safetensors(const std::filesystem::path& path);
// Header only: what is in it, in file order, and the metadata.
SafetensorsHeader list_safetensors(const std::filesystem::path& path);
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace catamaran
