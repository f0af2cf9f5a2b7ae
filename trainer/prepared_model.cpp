#include "trainer/prepared_model.h"

#include "model/fold_batch_norm.h"
#include "model/pack_weights.h"
#include "model/weights.h"
#include "support/error.h"
#include "support/problems.h"
#include "support/text.h"
#include "trainer/checkpoint.h"
#include "trainer/evaluation_record.h"

namespace catamaran {
namespace {

constexpr const char* kDiverged = "its training has diverged: use an earlier checkpoint of the run";

// Whatever makes the same numbers faster once weights no longer change belongs here.
void prepare_for_inference(CatImpl& cat, Numbers numbers) {
  cat.eval();
  if (numbers == Numbers::kFast) {
    fold_batch_norm(cat);
    pack_weights(cat);
  }
  for (torch::Tensor& parameter : cat.parameters()) parameter.set_requires_grad(false);
}

// Of the weights, not only of the scores: a fused ReLU makes 0 of what is not a number.
void require_numbers_in(const CatImpl& cat, const std::filesystem::path& weights) {
  for (const auto& item : cat.named_parameters()) {
    if (item.value().isfinite().all().item<bool>()) continue;
    throw NumericsError("'" + item.key() + "' is not all numbers", weights.string(), kDiverged);
  }
}

}  // namespace

PreparedModel::PreparedModel(const std::filesystem::path& checkpoint, const std::string& weights,
                             Numbers numbers)
    : file_(weights_file_of(checkpoint, weights)) {
  cat_ = load_model(file_, classes_);
  view_ = recorded_evaluation(list_safetensors(file_), input().size, file_.string());
  prepare_for_inference(*cat_, numbers);
  if (numbers == Numbers::kFast) require_numbers_in(*cat_, file_);
}

int64_t PreparedModel::center_crop(const std::optional<EvaluationCrop>& asked) const {
  if (asked) throw_if_any(asked->problems(input().size, "--"));
  return asked.value_or(view_).shorter_side(input().size);
}

void require_numbers(const torch::Tensor& scores, const std::filesystem::path& weights) {
  if (scores.isfinite().all().item<bool>()) return;
  throw NumericsError("the model gives scores that are not numbers", weights.string(), kDiverged);
}

void require_same_class_list(const std::vector<std::string>& a, const std::string& first,
                             const std::vector<std::string>& b, const std::string& second) {
  if (a == b) return;
  throw DataError("the class lists differ: " + first_difference(a, b), first + " and " + second,
                  "the same classes in the same order are needed");
}

}  // namespace catamaran
