// Evaluator: scores of every image of a pack, each exactly once, whatever the number of ranks.
//
//   Evaluator evaluator(pack, options, group, device);
//   ScoreTable table = evaluator.score(*cat);      // on rank 0; elsewhere a table without rows
//   ScoreTable mean = evaluator.score(passes);     // of several views or models
//
// Rank r scores the contiguous part [r n / world, (r + 1) n / world) in batches of `batch`; no
// image is padded in or scored twice. The model is put in eval mode meanwhile and restored. Scores
// are fp32 logits. All ranks meet before each batch, so a rank may be slower than another by
// comm.timeout_seconds in one batch, however long the whole takes, and one that hangs is found
// within that time. Only the thread that runs the step loop; all ranks call it together. Errors:
// DataError from the pack, CommError.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "dataio/pack_reader.h"
#include "evaluation/probability_mean.h"
#include "evaluation/score_table.h"
#include "model/cat.h"
#include "trainer/device.h"
#include "trainer/precision.h"

namespace catamaran {

struct EvaluatorOptions {
  InputOptions input;
  int64_t center_crop = 0;       // of score(cat): EvaluationCrop::shorter_side
  std::string compute = "fp32";  // fp32, bf16, fp16
  int64_t batch = 32;
  int64_t loader_threads = 1;
  int64_t prefetch_batches = 4;
  double read_timeout_seconds = 600;  // 0: never
};

// One way over the pack: a model at an input size, perhaps with the mirror images as well.
struct ScoringPass {
  CatImpl* cat = nullptr;
  InputOptions input;
  int64_t center_crop = 0;  // EvaluationCrop::shorter_side
  bool also_mirrored = false;
};

// Whether this rank wishes an evaluation to be broken off; empty: none ever does.
using StopWish = std::function<bool()>;

class Evaluator {
 public:
  Evaluator(const PackReader& pack, EvaluatorOptions options, ProcessGroup& group,
            torch::Device device);
  ScoreTable score(CatImpl& cat);
  // The mean of the probabilities of all passes (evaluation/probability_mean.h), as a logit.
  ScoreTable score(const std::vector<ScoringPass>& passes);
  // The same, broken off on all ranks (nullopt) soon after any rank's wish becomes true.
  std::optional<ScoreTable> score_unless(const StopWish& wish, CatImpl& cat);
  std::optional<ScoreTable> score_unless(const StopWish& wish,
                                         const std::vector<ScoringPass>& passes);

 private:
  bool wished(const StopWish& wish);
  bool run(const StopWish& wish, const ScoringPass& pass, std::vector<int64_t>& indices,
           ProbabilityMean& mean);
  ScoreTable gather(const std::vector<int64_t>& indices, const std::vector<float>& scores);

  const PackReader& pack_;
  EvaluatorOptions options_;
  Precision precision_;
  ProcessGroup& group_;
  torch::Device device_;
  SideStream side_{device_};
};

}  // namespace catamaran
