// One picture from disk through a trained model: what predict and explain share.
//
//   SingleImageModel model(checkpoint, "auto", threads);
//   SingleImage image = model.load(path);                       // decoded once, squished to the
//   input size CatOutput out = model.forward(image, /*with_class_maps=*/true);
//
// Runs on the CPU. Errors: WeightsError (checkpoint), DataError (picture). One thread at a time.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <string>
#include <vector>

#include "dataio/image.h"
#include "model/cat.h"
#include "trainer/api.h"

namespace catamaran {

struct SingleImage {
  RgbImage picture;      // as decoded
  torch::Tensor x_BCHW;  // 1 x 3 x S x S, normalised
};

class SingleImageModel {
 public:
  SingleImageModel(const std::filesystem::path& checkpoint, const std::string& weights,
                   int threads);

  SingleImage load(const std::filesystem::path& file);
  CatOutput forward(const SingleImage& image, bool with_class_maps);
  // Every label with its probability, highest first.
  std::vector<LabelScore> ranked(const CatOutput& output) const;
  CatImpl& cat() { return *cat_; }
  const std::vector<std::string>& classes() const { return classes_; }

 private:
  std::vector<std::string> classes_;
  Cat cat_{nullptr};
  ImageDecoder decoder_;
};

}  // namespace catamaran
