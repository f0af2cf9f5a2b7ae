// manifest.json of a run: what it was made of (git id, library versions, hosts, hashes of packs and
// weights, overrides, what a resume changed), one entry of "lives" for each start, so that a
// resumed run tells its whole story.
//
// Only the thread that runs the step loop; all ranks call write_manifest together, rank 0 writes.
#pragma once

#include <vector>

#include "comm/process_group.h"
#include "monitoring/metrics.h"
#include "trainer/api.h"
#include "trainer/packs.h"
#include "trainer/resume.h"

namespace catamaran {

RunInfo run_info(const TrainRequest& request, const RunPacks& packs, const ProcessGroup& group);
void write_manifest(const TrainRequest& request, const RunPacks& packs, ProcessGroup& group,
                    int64_t first_step, const std::vector<SettingChange>& changes);

}  // namespace catamaran
