// Builder: from a request to a Trainer that is ready to step: options agreed on by all ranks, batch
// split, model made or loaded, weights broadcast, checkpoint restored, manifest written.
//
//   std::unique_ptr<Trainer> trainer = build_trainer(request, packs, group);
//   std::unique_ptr<Trainer> trainer = build_trainer(request, packs, group, run_directory);
//
// directory: rank 0's; nothing is written without it. log_counts: of this rank, for its metrics; it
// must outlive the trainer. Errors: UsageError (batch, resume of another run), WeightsError
// (backbone, checkpoint), before the first step. Only the thread that runs the step loop; all ranks
// call it together.
#pragma once

#include <memory>

#include "comm/process_group.h"
#include "support/log_counts.h"
#include "trainer/api.h"
#include "trainer/packs.h"
#include "trainer/run_directory.h"
#include "trainer/trainer.h"

namespace catamaran {

std::unique_ptr<Trainer> build_trainer(const TrainRequest& request, const RunPacks& packs,
                                       ProcessGroup& group,
                                       const std::shared_ptr<const RunDirectory>& directory = {},
                                       const LogCounts* log_counts = nullptr);

}  // namespace catamaran
