// CheckpointWriter: writes checkpoints in the background, from a copy, while training goes on. One
// is in flight at most: a second request waits for the first. Rank 0 has one.
//
//   CheckpointWriter writer(run.checkpoints(), {.keep = options.keep}, on_end);
//   writer.save(std::move(contents), "periodic", stall);   // returns once the copy is handed over
//   writer.finish();                             // waits; every checkpoint asked for is durable
//
// A write that failed is logged and the next one is tried: storage recovers, and the older
// checkpoints are still there. The third failure in a row is thrown by save, a failure of the last
// write by finish. on_end runs in the writer's thread, after a write that failed too. A write that
// does not return, as where storage hangs, is given up: finish and save throw WeightsError, the
// thread is left behind and owns all it touches, and on_end is not called any more. Only the thread
// that runs the step loop.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "support/clock.h"
#include "support/error.h"
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

// With a write that does not return.
struct WritePatience {
  double timeout_seconds = 1800;  // checkpoint.timeout_seconds
  double warn_seconds = 30;       // then a warning; the destructor waits no longer, either
};

enum class WriteState {
  kNone,
  kWriting,
  kOverdue,  // for longer than timeout_seconds
};

class CheckpointWriter {
 public:
  using OnEnd = std::function<void(const CheckpointEnd&)>;
  using MayWrite = std::function<void()>;

  // may_write: before each write and, as one takes its time, before each change that others see, in
  // its thread, perhaps after this object's end; what it throws makes the write one that failed.
  CheckpointWriter(
      std::filesystem::path folder, const Retention& keep, OnEnd on_end, MayWrite may_write = [] {},
      const WritePatience& patience = {});
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;
  ~CheckpointWriter();

  // stall: runs since the step loop stood still for this checkpoint.
  void save(CheckpointContents contents, const std::string& kind, const Stopwatch& stall);
  // True when nothing is being written; finish and save will not wait.
  bool idle() const;
  // To be asked now and then: warns, once, of a write that takes long.
  WriteState look();
  // What is told of a write that is overdue; it is given up.
  WeightsError give_up();
  void finish();

 private:
  struct Write;
  void leave();

  std::filesystem::path folder_;
  Retention keep_;
  OnEnd on_end_;
  MayWrite may_write_;
  WritePatience patience_;
  std::shared_ptr<Write> write_;  // of in_flight_; the thread has a share
  std::future<void> in_flight_;
  std::thread thread_;
  bool warned_ = false;            // of write_
  std::optional<Stopwatch> late_;  // since write_ was first found overdue
  int failures_in_row_ = 0;
};

}  // namespace catamaran
