// safetensors in and out (format: u64 little-endian header length, JSON header, raw data). A file
// is treated as hostile: header bounded, ranges, overlaps, holes, duplicate keys and sizes checked
// before any tensor is made.
//
//   const TensorFile file = read_safetensors(path);          // file.tensors: name -> CPU tensor,
//   file.metadata write_safetensors(path, tensors, metadata);              // atomic, names in the
//   given order, data 64-byte aligned
//
// Errors: WeightsError with file and tensor name. Thread-safe.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace catamaran {

struct TensorInfo {
  std::string name;
  std::string dtype;  // "F32"
  std::vector<int64_t> shape;
  int64_t bytes = 0;
};

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

struct TensorFile {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

TensorFile read_safetensors(const std::filesystem::path& path);
// Header only: what is in it, in file order, and the metadata.
std::vector<TensorInfo> list_safetensors(const std::filesystem::path& path,
                                         std::map<std::string, std::string>* metadata);
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace catamaran
