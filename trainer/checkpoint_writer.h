// CheckpointWriter: writes checkpoints in the background, from a copy, while training goes on. One
// is in flight at most: a second request waits for the first. Rank 0 has one.
//
//   CheckpointWriter writer(run.checkpoints(), {.keep = options.keep}, on_end);
//   writer.save(std::move(contents), "periodic", stall);   // returns once the copy is handed over
//   writer.finish();                             // waits; every checkpoint asked for is durable
//
// A write that failed is logged and the next one is tried: storage recovers, and the older
// checkpoints are still there. The third failure in a row is thrown by save, a failure of the last
// write by finish. on_end runs in the writer's thread, after a write that failed too. Only the
// thread that runs the step loop.
#pragma once

#include <functional>
#include <future>
#include <string>

#include "support/clock.h"
#include "trainer/checkpoint.h"

namespace catamaran {

struct CheckpointEnd {
  bool ok = false;
  bool tried = false;  // false: may_write refused
  int64_t step = 0;
  std::string kind;  // periodic, best, signal, final
  int64_t bytes = 0;
  double write_seconds = 0;  // in the background
  double stall_seconds = 0;  // of the step loop
};

class CheckpointWriter {
 public:
  using OnEnd = std::function<void(const CheckpointEnd&)>;
  using MayWrite = std::function<void()>;

  // may_write: before each write, in its thread; what it throws makes the write one that failed.
  CheckpointWriter(
      std::filesystem::path folder, const Retention& keep, OnEnd on_end,
      MayWrite may_write = [] {});
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;
  ~CheckpointWriter();

  // stall: runs since the step loop stood still for this checkpoint.
  void save(CheckpointContents contents, const std::string& kind, const Stopwatch& stall);
  // True when nothing is being written; finish and save will not wait.
  bool idle() const;
  void finish();

 private:
  std::filesystem::path folder_;
  Retention keep_;
  OnEnd on_end_;
  MayWrite may_write_;
  std::future<void> in_flight_;
  int failures_in_row_ = 0;
};

}  // namespace catamaran
