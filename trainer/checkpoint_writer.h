// CheckpointWriter: writes checkpoints in the background, from a copy, while training goes on. One
// is in flight at most: a second request waits for the first. Rank 0 has one.
//
//   CheckpointWriter writer(run.checkpoints(), options.keep, on_end);
//   writer.save(std::move(contents), "periodic", stall);   // returns once the copy is handed over
//   writer.finish();                             // waits; every checkpoint asked for is durable
//
// An error of the background write is thrown by the next save or finish. on_end runs in the
// writer's thread, after a write that failed too. Only the thread that runs the step loop.
#pragma once

#include <functional>
#include <future>
#include <string>

#include "support/clock.h"
#include "trainer/checkpoint.h"

namespace catamaran {

struct CheckpointEnd {
  bool ok = false;
  int64_t step = 0;
  std::string kind;  // periodic, best, signal, final
  int64_t bytes = 0;
  double write_seconds = 0;  // in the background
  double stall_seconds = 0;  // of the step loop
};

class CheckpointWriter {
 public:
  using OnEnd = std::function<void(const CheckpointEnd&)>;

  CheckpointWriter(std::filesystem::path folder, int64_t keep, OnEnd on_end);
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;
  ~CheckpointWriter();

  // stall: runs since the step loop stood still for this checkpoint.
  void save(CheckpointContents contents, const std::string& kind, const Stopwatch& stall);
  void finish();

 private:
  std::filesystem::path folder_;
  int64_t keep_;
  OnEnd on_end_;
  std::future<void> in_flight_;
};

}  // namespace catamaran
