// The time line of a run: what the parts of training tell a TraceRecorder, and RUN/trace.json.
//
//   loading.on_image = image_recorder(trace);           // a lane for each loader thread
//   record_exchange(*trace, reducer.last_operations());   // the step's all-reduces
//   write_time_line(*trace, options.trace, run_dir, directory, group, timeout_seconds);  // at the
//   end
//
// Times are the host's. On a GPU forward and backward are when their kernels were queued, and a
// wait for the device shows in the call that waits. All ranks call write_time_line together; only
// the thread that runs the step loop.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "comm/process_group.h"
#include "monitoring/trace.h"
#include "trainer/run_directory.h"

namespace catamaran {

std::function<void(int64_t, double, double)> image_recorder(std::shared_ptr<TraceRecorder> trace);

// The all-reduces of the step.
void record_exchange(TraceRecorder& trace, const std::vector<FinishedOperation>& operations);

// RUN/trace/rank-00000.json and so on, each written by its rank, and all of them on rank 0's clock
// in RUN/trace.json; none of it where the run directory has been moved away or taken over.
// directory: rank 0's, nullptr on others. A file that cannot be written is warned of: the run
// itself is whole. Errors: CommError.
void write_time_line(const TraceRecorder& trace, const TraceOptions& options,
                     const std::filesystem::path& run_dir, const RunDirectory* directory,
                     ProcessGroup& group, double timeout_seconds);

}  // namespace catamaran
