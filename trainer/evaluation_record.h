// What evaluation showed a model of each picture, in the metadata of its weights file, so that
// whoever uses the file alone shows it the same. A file that does not say: the whole picture.
//
//   save_model(file, state, options, classes,
//              {{kEvaluationKey, evaluation_record(view, options.input.size)}});
//   const EvaluationCrop view = recorded_evaluation(list_safetensors(file), size, file.string());
//
// Errors: WeightsError for a record that no run writes. Thread-safe.
#pragma once

#include <string>

#include "dataio/evaluation_crop.h"
#include "model/safetensors.h"

namespace catamaran {

inline constexpr const char* kEvaluationKey = "catamaran.evaluation";

// {"crop": "center", "resize": 256}: JSON, with the pixels that 0 stands for; 0 for none.
std::string evaluation_record(const EvaluationCrop& view, int64_t network_size);
EvaluationCrop recorded_evaluation(const SafetensorsHeader& header, int64_t network_size,
                                   const std::string& where);

}  // namespace catamaran
