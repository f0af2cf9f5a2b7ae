// The packs of a run, opened and audited before the first step: same classes in the same order, and
// no image of the training pack in the evaluation pack (by hash); then, with data.stage, copied to
// each node's scratch disk (dataio/pack_staging.h).
//
//   const RunPacks packs = open_packs(options, group);
//
// All ranks call it together; every rank opens and compares the packs, and all must have the same.
// Of the ranks of a node one stages, then the others look at what it has made; where one fails, or
// its copy stalls for read_timeout_seconds(), all end with its error. Errors: DataError, UsageError
// for ranks with different packs; on every rank. Only the thread that runs the step loop.
#pragma once

#include <memory>
#include <string>

#include "comm/process_group.h"
#include "dataio/pack_reader.h"
#include "trainer/options.h"

namespace catamaran {

struct RunPacks {
  std::shared_ptr<const PackReader> train;
  std::shared_ptr<const PackReader> eval;  // may be empty
  // Where they were copied from; empty without data.stage.
  std::string train_source;
  std::string eval_source;
};

RunPacks open_packs(const RunOptions& options, ProcessGroup& group);

}  // namespace catamaran
