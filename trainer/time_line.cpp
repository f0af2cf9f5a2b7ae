#include "trainer/time_line.h"

#include <limits>
#include <utility>
#include <vector>

#include "comm/clock_offset.h"
#include "support/error.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

fs::path part_of(const fs::path& run_dir, int rank) {
  return run_dir / "trace" / text("rank-%05d.json", rank);
}

// The earliest event of all ranks, on rank 0's clock; infinity where there is none.
double earliest(const std::vector<TraceEvent>& events, double offset, ProcessGroup& group) {
  double first = std::numeric_limits<double>::infinity();
  if (!events.empty()) first = events.front().start_seconds - offset;
  group.host().all_reduce(&first, 1, DataType::kFloat64, ReduceOp::kMin);
  return first;
}

// Rank 0 knows, and all do the same.
bool is_held(const RunDirectory* directory, ProcessGroup& group) {
  std::string problem;
  try {
    if (directory != nullptr) directory->require_held();
  } catch (const Error& lost) {
    problem = lost.what();
    log::warn("no time line is written: " + problem);
  }
  return group.broadcast_text(problem).empty();
}

// What goes wrong with a file of this kind ends nothing.
template <typename Work>
void try_and_warn(Work&& work) {
  try {
    work();
  } catch (const std::exception& problem) {
    log::warn(std::string("the time line: ") + problem.what());
  }
}

}  // namespace

std::function<void(int64_t, double, double)> image_recorder(std::shared_ptr<TraceRecorder> trace) {
  return [trace = std::move(trace)](int64_t thread, double start, double end) {
    trace->add(loader_lane(thread), "image", start, end);
  };
}

void record_exchange(TraceRecorder& trace, const std::vector<FinishedOperation>& operations) {
  if (!trace.recording()) return;
  for (const FinishedOperation& operation : operations) {
    if (operation.start_seconds < trace.step_start()) continue;
    trace.add(TraceLane::kExchange, "all-reduce", operation.start_seconds, operation.end_seconds,
              {.name = "bytes", .value = operation.bytes});
  }
}

void write_time_line(const TraceRecorder& trace, const TraceOptions& options,
                     const fs::path& run_dir, const RunDirectory* directory, ProcessGroup& group,
                     double timeout_seconds) {
  const std::vector<TraceEvent> events = trace.events();
  const double offset = clock_offset(group.host_name(), timeout_seconds);
  const double origin = earliest(events, offset, group);
  if (origin == std::numeric_limits<double>::infinity()) {
    if (group.is_root())
      log::warn(
          text("no step was traced: the first would have been step %ld of this start; lower "
               "trace.first_step",
               options.first_step));
    return;
  }
  if (!is_held(directory, group)) return;
  const fs::path whole = run_dir / "trace.json";
  try_and_warn([&] {
    if (group.is_root()) fs::remove_all(run_dir / "trace");  // of an earlier start
  });
  group.barrier();
  try_and_warn([&] {
    fs::create_directory(run_dir / "trace");  // and no folder above it, which may have moved
    write_trace(part_of(run_dir, group.rank()), events,
                {.rank = group.rank(),
                 .host = group.host_name(),
                 .offset_seconds = offset,
                 .origin_seconds = origin});
    if (trace.dropped() > 0)
      log::warn(
          text("the time line holds the first %zu events, %ld later ones were dropped; lower "
               "trace.steps",
               events.size(), trace.dropped()));
  });
  group.barrier();
  if (!group.is_root()) return;
  try_and_warn([&] {
    std::vector<fs::path> parts;
    for (int rank = 0; rank < group.world(); ++rank) parts.push_back(part_of(run_dir, rank));
    merge_traces(whole, parts);
    log::info(
        text("time line of %d rank(s): %s; drop it on https://ui.perfetto.dev, or open it in "
             "chrome://tracing",
             group.world(), whole.c_str()));
  });
}

}  // namespace catamaran
