// thresholds.json: the probability from which each class counts as present, fitted on a validation
// pack (`catamaran thresholds fit`), read by predict, explain and eval. No torch.
//
//   require_held_out(request, /*allow_training_pack=*/false);
//   write_thresholds(path, {request, objective, fit_thresholds(table, objective)}, table, ...);
//   std::vector<double> t = thresholds_for(path, 0.5, {classes, "runs/voc"});  // one per class
//
// docs/formats.md describes the file. Errors: DataError for a file that is none, whose classes are
// not the model's, or for a pack the model was trained on. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "evaluation/score_table.h"
#include "evaluation/threshold_fit.h"
#include "trainer/api.h"

namespace catamaran {

// Refuses the very pack the checkpoint's run was trained on (same fingerprint). A checkpoint that
// does not say (a bare .safetensors file) passes: the return value says that it is not known.
enum class HeldOut { kYes, kNo, kNotKnown };
HeldOut require_held_out(const EvaluateRequest& request, bool allow_training_pack);

struct ThresholdRecord {
  EvaluateRequest request;
  ThresholdObjective objective;
  HeldOut held_out = HeldOut::kYes;
  std::vector<FittedThreshold> fitted;  // by class
};
void write_thresholds(const std::filesystem::path& path, const ThresholdRecord& record,
                      const ScoreTable& table);

// Where the scores come from that the thresholds are for.
struct ScoreSource {
  std::vector<std::string> classes;
  std::filesystem::path checkpoint;  // for messages
  std::string augment = "none";      // the views whose mean the scores are
  size_t checkpoints = 1;            // how many models' mean they are
};

// file empty: `otherwise` for every class. A file fitted for other scores, of more or fewer models
// or of other views, is used with a warning; one that does not say, without.
std::vector<double> thresholds_for(const std::filesystem::path& file, double otherwise,
                                   const ScoreSource& source);

}  // namespace catamaran
