// manifest.json of a run: what it was made of (git id, library versions, hosts, hashes of packs and
// weights, overrides, what a resume changed, of the environment what support/environment.h allows),
// one entry of "lives" for each start, so that a resumed run tells its whole story, and how each
// ended; or, told by a start after it, failed.
//
//   const EarlierStarts earlier = group.is_root() ? read_earlier_starts(request, first_step)
//                                                 : EarlierStarts();
//   require_progress(request, earlier, first_step, group);
//   write_manifest(request, packs, group, earlier, {.id = run.start(), .first_step = first_step});
//
// Only the thread that runs the step loop; all ranks call require_progress and write_manifest
// together, rank 0 writes.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "monitoring/metrics.h"
#include "trainer/api.h"
#include "trainer/packs.h"
#include "trainer/resume.h"

namespace catamaran {

RunInfo run_info(const TrainRequest& request, const RunPacks& packs, const ProcessGroup& group);

// What the run directory tells of the starts before this one; rank 0 alone knows.
struct EarlierStarts {
  nlohmann::json lives = nlohmann::json::array();  // each with its failure as far as it is known
  std::string failure;                             // a sentence for the log; empty: none was left
};
// Errors: UsageError where manifest.json cannot be read and a checkpoint depends on it.
EarlierStarts read_earlier_starts(const TrainRequest& request, int64_t first_step);

// The start of a run that too many others ended in without progress: trainer/crash_loop.h. By all
// ranks; an error of the kind that the newest failure had.
void require_progress(const TrainRequest& request, const EarlierStarts& earlier, int64_t first_step,
                      ProcessGroup& group);

// The entry of "lives" that this start adds.
struct NewLife {
  std::string id;  // RunDirectory::start; of rank 0
  int64_t first_step = 0;
  int64_t total_steps = 0;  // of the schedule, from the run's first step on
  int64_t steps_per_epoch = 0;
  std::vector<SettingChange> changes;
  int64_t repeated_steps = 0;  // that the life before it logged, and no checkpoint holds
  std::string taken_from;      // whom the run's lock was taken from by force; empty: from nobody
};
void write_manifest(const TrainRequest& request, const RunPacks& packs, ProcessGroup& group,
                    const EarlierStarts& earlier, const NewLife& start);

// How the newest life ended, into its entry; a life without one was cut short. Rank 0 alone.
void record_end(const std::filesystem::path& run_dir, const std::string& reason, int64_t step);

}  // namespace catamaran
