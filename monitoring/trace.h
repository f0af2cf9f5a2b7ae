// TraceRecorder: what a rank does when, for a few steps, as events of the Chrome / Perfetto trace
// format.
//
//   TraceRecorder trace({.enabled = true, .first_step = 6, .steps = 20});
//   trace.begin_step(1);                      // the first step of this start of the run
//   ...  trace.lap("data wait", waited);  ...  trace.lap("forward");          // since the lap
//   before trace.end_step();                         // the event "step" that holds those { const
//   TraceSpan span(trace, "evaluation"); ... }                // between steps
//   trace.add(TraceLane::kExchange, "all-reduce", start, end, {.name = "bytes", .value = bytes});
//   write_trace(path, trace.events(), {.rank = rank, .host = host});
//
// Times are steady_seconds() of support/clock.h. Outside of the steps asked for, and when not
// enabled, nothing is recorded but place(), where the step loop is now. Memory is bounded: at most
// most_events are kept, what comes after is counted in dropped(). Events of the step lane, laps and
// spans, are the step loop's thread's alone; recording(), place() and add() are Thread-safe.
// Source: "Trace Event Format" (Chromium), complete events (ph X) and metadata (ph M).
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "support/clock.h"

namespace catamaran {

struct TraceOptions {  // [trace]
  bool enabled = false;
  int64_t first_step = 6;  // counted from this start of the run, from 1
  int64_t steps = 20;

  std::vector<std::string> problems() const;  // support/problems.h
};

// Rows of a rank in the picture; a loader's thread k has the row kLoader + k.
enum class TraceLane : int { kStep = 0, kExchange = 1, kCheckpoint = 2, kLoader = 10 };
inline TraceLane loader_lane(int64_t thread) {
  return static_cast<TraceLane>(static_cast<int64_t>(TraceLane::kLoader) + thread);
}

struct TraceArgument {
  const char* name = nullptr;  // a literal; nullptr: none
  int64_t value = 0;
};

struct TraceEvent {
  TraceLane lane = TraceLane::kStep;
  const char* name = "";  // a literal
  double start_seconds = 0;
  double end_seconds = 0;
  TraceArgument argument;
};

// Where the step loop is, for whoever asks why it stands still.
struct TracePlace {
  int64_t step = 0;              // as begin_step() was told; 0: before the first
  const char* after = "";        // the newest lap, or the beginning of the step
  const char* inside = nullptr;  // a span, if any
  int64_t moves = 0;             // grows with every lap and span, and with moved()
};

// In words: "before the first step", "in evaluation", "after forward".
std::string place_text(const TracePlace& place);

class TraceRecorder {
 public:
  static constexpr size_t kMostEvents = 200'000;

  TraceRecorder() = default;  // records nothing
  explicit TraceRecorder(const TraceOptions& options, size_t most_events = kMostEvents);

  bool recording() const { return recording_.load(std::memory_order_relaxed); }

  void begin_step(int64_t step);
  void lap(const char* name) {
    move_after(name);
    if (recording()) add_lap(name, steady_seconds());
  }
  // The same of known length; the next lap begins where it ends.
  void lap(const char* name, double seconds) {
    move_after(name);
    if (recording()) add_lap(name, lap_start_ + seconds);
  }
  void enter(const char* span) {
    inside_.store(span, std::memory_order_relaxed);
    moved();
  }
  // It waits on purpose, and the others answer.
  void moved() { moves_.fetch_add(1, std::memory_order_relaxed); }
  TracePlace place() const {
    return {.step = step_now_.load(std::memory_order_relaxed),
            .after = after_.load(std::memory_order_relaxed),
            .inside = inside_.load(std::memory_order_relaxed),
            .moves = moves_.load(std::memory_order_relaxed)};
  }
  void end_step();
  void add(TraceLane lane, const char* name, double start_seconds, double end_seconds,
           TraceArgument argument = {});

  double step_start() const { return step_start_; }
  // In the order of their starts; of one start, the longest first.
  std::vector<TraceEvent> events() const;
  int64_t dropped() const;

 private:
  void add_lap(const char* name, double end_seconds);
  void move_after(const char* lap) {
    after_.store(lap, std::memory_order_relaxed);
    moved();
  }

  TraceOptions options_;
  size_t most_events_ = 0;
  std::atomic<bool> recording_ = false;
  int64_t step_ = 0;
  double step_start_ = 0;
  double lap_start_ = 0;
  mutable std::mutex mutex_;
  std::vector<TraceEvent> events_;
  int64_t dropped_ = 0;
  std::atomic<int64_t> step_now_ = 0;
  std::atomic<const char*> after_ = "";
  std::atomic<const char*> inside_ = nullptr;
  std::atomic<int64_t> moves_ = 0;
};

// An event of the step lane from here to the end of the block.
class TraceSpan {
 public:
  TraceSpan(TraceRecorder& trace, const char* name)
      : trace_(trace), name_(name), start_(trace.recording() ? steady_seconds() : 0) {
    trace_.enter(name);
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;
  ~TraceSpan() {
    trace_.enter(nullptr);
    if (start_ > 0) trace_.add(TraceLane::kStep, name_, start_, steady_seconds());
  }

 private:
  TraceRecorder& trace_;
  const char* name_;
  double start_;
};

struct TraceProcess {
  int rank = 0;
  std::string host;
  double offset_seconds = 0;  // this rank's clock minus that of the merged trace
  double origin_seconds = 0;  // of the merged trace's clock; becomes 0
};
// A JSON array, an event a line: names of rank and lanes, then the events, in microseconds on the
// merged trace's clock. Atomic; the folder must be there. Errors: UsageError.
void write_trace(const std::filesystem::path& path, const std::vector<TraceEvent>& events,
                 const TraceProcess& process);
// One array of the events of files that write_trace wrote, in their order; no more than one line of
// them is in memory. Atomic; the folder must be there. Errors: UsageError.
void merge_traces(const std::filesystem::path& path,
                  const std::vector<std::filesystem::path>& parts);

}  // namespace catamaran
