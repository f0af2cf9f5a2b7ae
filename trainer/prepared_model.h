// PreparedModel: trained weights made ready to predict. The one place where a model is prepared for
// inference; predict, explain, eval and thresholds fit all come through it.
//
//   PreparedModel model("runs/voc", "auto", Numbers::kFast);
//   const torch::InferenceMode inference;
//   CatOutput out = model.cat().forward(x_BCHW);
//
// On the CPU until cat().to(device). Errors: WeightsError (checkpoint). One thread at a time.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dataio/evaluation_crop.h"
#include "model/cat.h"

namespace catamaran {

enum class Numbers {
  kFast,       // batch norm folded, layers packed: other numbers in the last digits
  kOfTraining  // the bits that an evaluation during training has
};

class PreparedModel {
 public:
  // checkpoint, weights: as weights_file_of (trainer/checkpoint.h) takes them.
  PreparedModel(const std::filesystem::path& checkpoint, const std::string& weights,
                Numbers numbers);

  CatImpl& cat() { return *cat_; }
  const InputOptions& input() const { return cat_->options().input; }
  const std::vector<std::string>& classes() const { return classes_; }
  const std::filesystem::path& file() const { return file_; }  // the weights
  // EvaluationCrop::shorter_side of what the model is shown: as in its training's evaluations, or
  // as asked for (UsageError where that does not fit its size).
  int64_t center_crop(const std::optional<EvaluationCrop>& asked = std::nullopt) const;

 private:
  std::filesystem::path file_;
  std::vector<std::string> classes_;
  Cat cat_{nullptr};
  EvaluationCrop view_;
};

// NumericsError where a score is not a number: what diverged weights give.
void require_numbers(const torch::Tensor& scores, const std::filesystem::path& weights);

// DataError with the first difference, unless both lists are the same in the same order. first,
// second: what they belong to, for the message.
void require_same_class_list(const std::vector<std::string>& a, const std::string& first,
                             const std::vector<std::string>& b, const std::string& second);

}  // namespace catamaran
