// Golden values of tests/golden/model.py: weights, input and expected tensors of one case.
#pragma once

#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "model/safetensors.h"

namespace catamaran {

inline std::filesystem::path golden_folder() {
  const char* folder = std::getenv("CATAMARAN_GOLDEN");
  return folder == nullptr ? "build/release/golden/model" : folder;
}

struct Golden {
  explicit Golden(const std::string& name)
      : weights_file(golden_folder() / (name + ".weights.safetensors")),
        input(read_safetensors(golden_folder() / (name + ".input.safetensors")).tensors),
        expected(read_safetensors(golden_folder() / (name + ".expected.safetensors")).tensors) {}
  std::filesystem::path weights_file;
  std::map<std::string, torch::Tensor> input;
  std::map<std::string, torch::Tensor> expected;
};

inline double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kFloat64) - b.to(torch::kFloat64)).abs().max().item<double>();
}

}  // namespace catamaran
