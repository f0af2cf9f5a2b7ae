#include "monitoring/trace.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "support/problems.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int64_t kMostTracedSteps = 100'000;

std::string lane_name(TraceLane lane) {
  switch (lane) {
    case TraceLane::kStep:
      return "step loop";
    case TraceLane::kExchange:
      return "gradient exchange";
    case TraceLane::kCheckpoint:
      return "checkpoint writer";
    default:
      return text("loader %d", static_cast<int>(lane) - static_cast<int>(TraceLane::kLoader));
  }
}

std::string metadata(const char* what, int rank, int lane, const nlohmann::json& arguments) {
  return json_text({{"name", what}, {"ph", "M"}, {"pid", rank}, {"tid", lane}, {"args", arguments}},
                   -1);
}

// Three decimals: nanoseconds.
std::string event_line(const TraceEvent& event, const TraceProcess& process) {
  const double zero = process.offset_seconds + process.origin_seconds;
  const std::string arguments =
      event.argument.name == nullptr
          ? ""
          : text(",\"args\":{\"%s\":%ld}", event.argument.name, event.argument.value);
  return text(
      "{\"name\":\"%s\",\"cat\":\"catamaran\",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f,"
      "\"pid\":%d,\"tid\":%d%s}",
      event.name, 1e6 * (event.start_seconds - zero),
      1e6 * std::max(0.0, event.end_seconds - event.start_seconds), process.rank,
      static_cast<int>(event.lane), arguments.c_str());
}

void write_line(AtomicFile& file, const std::string& line, bool first) {
  const std::string whole = (first ? "" : ",\n") + line;
  file.write(whole.data(), static_cast<int64_t>(whole.size()));
}

}  // namespace

std::string place_text(const TracePlace& place) {
  if (place.step == 0) return "before the first step";
  if (place.inside != nullptr) return "in " + std::string(place.inside);
  return "after " + std::string(place.after);
}

std::vector<std::string> TraceOptions::problems() const {
  Problems p;
  p.require(first_step >= 1, "trace.first_step", "must be 1 or more");
  p.require(steps >= 1 && steps <= kMostTracedSteps, "trace.steps", "must be 1 to 100000");
  return p.take();
}

TraceRecorder::TraceRecorder(const TraceOptions& options, size_t most_events)
    : options_(options), most_events_(most_events) {}

void TraceRecorder::begin_step(int64_t step) {
  step_now_.store(step, std::memory_order_relaxed);
  move_after("the step before");
  if (!options_.enabled) return;
  const bool wanted = step >= options_.first_step && step - options_.first_step < options_.steps;
  recording_.store(wanted, std::memory_order_relaxed);
  if (!wanted) return;
  step_ = step;
  step_start_ = lap_start_ = steady_seconds();
}

void TraceRecorder::add_lap(const char* name, double end_seconds) {
  add(TraceLane::kStep, name, lap_start_, end_seconds);
  lap_start_ = end_seconds;
}

void TraceRecorder::end_step() {
  if (!recording()) return;
  add(TraceLane::kStep, "step", step_start_, steady_seconds(), {.name = "step", .value = step_});
}

void TraceRecorder::add(TraceLane lane, const char* name, double start_seconds, double end_seconds,
                        TraceArgument argument) {
  if (!recording()) return;
  const std::lock_guard lock(mutex_);
  if (events_.size() >= most_events_) {
    ++dropped_;
    return;
  }
  events_.push_back({lane, name, start_seconds, end_seconds, argument});
}

std::vector<TraceEvent> TraceRecorder::events() const {
  std::vector<TraceEvent> sorted;
  {
    const std::lock_guard lock(mutex_);
    sorted = events_;
  }
  std::ranges::stable_sort(sorted, [](const TraceEvent& a, const TraceEvent& b) {
    if (a.start_seconds != b.start_seconds) return a.start_seconds < b.start_seconds;
    return a.end_seconds > b.end_seconds;
  });
  return sorted;
}

int64_t TraceRecorder::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void write_trace(const std::filesystem::path& path, const std::vector<TraceEvent>& events,
                 const TraceProcess& process) {
  AtomicFile file(path, ErrorKind::kUsage, Parents::kMustBeThere);
  file.write("[\n", 2);
  write_line(file,
             metadata("process_name", process.rank, 0,
                      {{"name", text("rank %d on %s", process.rank, process.host.c_str())}}),
             true);
  write_line(file, metadata("process_sort_index", process.rank, 0, {{"sort_index", process.rank}}),
             false);
  std::set<TraceLane> lanes;
  for (const TraceEvent& event : events) lanes.insert(event.lane);
  for (const TraceLane lane : lanes) {
    const int number = static_cast<int>(lane);
    write_line(file, metadata("thread_name", process.rank, number, {{"name", lane_name(lane)}}),
               false);
    write_line(file, metadata("thread_sort_index", process.rank, number, {{"sort_index", number}}),
               false);
  }
  for (const TraceEvent& event : events) write_line(file, event_line(event, process), false);
  file.write("\n]\n", 3);
  file.commit(Durability::kUntilCrash);
}

void merge_traces(const std::filesystem::path& path,
                  const std::vector<std::filesystem::path>& parts) {
  AtomicFile file(path, ErrorKind::kUsage, Parents::kMustBeThere);
  file.write("[\n", 2);
  bool first = true;
  for (const std::filesystem::path& part : parts) {
    std::ifstream in(part);
    std::string line;
    while (std::getline(in, line)) {
      if (line == "[" || line == "]") continue;
      if (line.ends_with(',')) line.pop_back();
      write_line(file, line, first);
      first = false;
    }
    if (!in.eof()) {
      throw UsageError("the time line of a rank cannot be read", part.string(),
                       "the run itself is whole; the other ranks' files lie beside this one");
    }
  }
  file.write("\n]\n", 3);
  file.commit(Durability::kUntilCrash);
}

}  // namespace catamaran
