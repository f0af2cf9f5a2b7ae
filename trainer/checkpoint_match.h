// Whether the files of a checkpoint belong together, by state.json and the headers of its
// safetensors files alone: none is missing or of another size, the average has the model's tensors,
// the optimizer's state is of them, the weights are of the classes and the model of state.json, and
// that is of the step in the folder's name.
//
//   const CheckpointRecord record = read_checkpoint_record(checkpoint);
//   require_files_that_match(checkpoint, record);
//
// Errors: WeightsError naming the file and the tensor. Thread-safe.
#pragma once

#include <filesystem>

#include "trainer/checkpoint.h"

namespace catamaran {

void require_files_that_match(const std::filesystem::path& checkpoint,
                              const CheckpointRecord& record);

}  // namespace catamaran
