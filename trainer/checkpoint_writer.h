// CheckpointWriter: writes checkpoints in the background, from a copy, while training goes on. One
// is in flight at most: a second request waits for the first. Rank 0 has one.
//
//   CheckpointWriter writer(run.checkpoints(), options.keep, on_written);
//   writer.save(std::move(contents), "periodic", stall);   // returns once the copy is handed over
//   writer.finish();                             // waits; every checkpoint asked for is durable
//
// An error of the background write is thrown by the next save or finish. on_written runs in the
// writer's thread. Only the thread that runs the step loop.
#pragma once

#include <functional>
#include <future>
#include <string>

#include "support/clock.h"
#include "trainer/checkpoint.h"

namespace catamaran {

struct CheckpointWritten {
  int64_t step = 0;
  std::string kind;  // periodic, signal, final
  int64_t bytes = 0;
  double write_seconds = 0;  // in the background
  double stall_seconds = 0;  // of the step loop
};

class CheckpointWriter {
 public:
  using OnWritten = std::function<void(const CheckpointWritten&)>;

  CheckpointWriter(std::filesystem::path folder, int64_t keep, OnWritten on_written);
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;
  ~CheckpointWriter();

  // stall: runs since the step loop stood still for this checkpoint.
  void save(CheckpointContents contents, const std::string& kind, const Stopwatch& stall);
  void finish();

 private:
  std::filesystem::path folder_;
  int64_t keep_;
  OnWritten on_written_;
  std::future<void> in_flight_;
};

}  // namespace catamaran
