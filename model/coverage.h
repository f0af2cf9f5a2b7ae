// How far a file's tensors cover a model's: by name, shape and kind of number, and how they get
// into it.
//
//   const Coverage coverage = copy_covered(state_dict(*cat), file.tensors, Copy::kAllOrNothing);
//   if (!coverage.complete()) throw WeightsError(... + coverage.table(), file, ...);
//
// Both layouts of batch norm are accepted, with num_batches_tracked and without. One thread at a
// time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/safetensors.h"

namespace catamaran {

struct Coverage {
  std::vector<std::string> loaded;
  std::vector<std::string> missing;         // the model has it, the file has not
  std::vector<std::string> unexpected;      // the file has it, the model has not
  std::vector<std::string> shape_mismatch;  // or kind: "name: file [..], model [..]"
  int64_t loaded_values = 0;
  int64_t wanted_values = 0;

  double ratio() const;  // loaded values / values that the model wants
  // What is unexpected counts too: the tensors of a deeper network fit a shallower one of its
  // family without a gap, and are another network.
  bool complete() const { return missing.empty() && unexpected.empty() && shape_mismatch.empty(); }
  std::string table() const;  // for people
  std::string json() const;
};

// What is copied: everything found, or nothing when one tensor has another shape; what fits;
// nothing.
enum class Copy { kAllOrNothing, kWhatFits, kNothing };

Coverage copy_covered(const NamedTensors& wanted, const std::map<std::string, torch::Tensor>& given,
                      Copy copy);

}  // namespace catamaran
