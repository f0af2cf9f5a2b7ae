#include "trainer/checkpoint_writer.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <mutex>
#include <string>
#include <utility>

#include "support/host_name.h"
#include "support/log.h"
#include "support/text.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

constexpr int kMostFailuresInRow = 3;
// A job that was suspended finds its write overdue when it goes on; it gets time to return.
constexpr double kSecondLookSeconds = 1;
constexpr std::chrono::milliseconds kBetweenLooks(50);

}  // namespace

// All that a write touches, in its thread: it may outlive the writer.
struct CheckpointWriter::Write {
  std::filesystem::path folder;
  Retention keep;
  OnEnd on_end;
  MayWrite may_write;
  CheckpointEnd end;
  CheckpointContents contents;
  Stopwatch since;
  std::mutex mutex;  // held while on_end runs
  bool given_up = false;

  std::filesystem::path path() const { return folder / checkpoint_name(end.step); }
  void run() {
    try {
      require_wanted();
      end.tried = true;
      end.bytes = write_checkpoint(folder, contents, available_bytes, [this] { require_wanted(); });
      require_wanted();
      remove_old_checkpoints(folder, keep, contents.state.best_step, contents.state.step);
      end.ok = true;
    } catch (...) {
      tell();
      throw;
    }
    tell();
  }
  void require_wanted() {
    may_write();  // first: it asks the storage, too
    const std::lock_guard lock(mutex);
    if (given_up) throw WeightsError("the write was given up", path().string(), "");
  }
  void tell() {
    const std::lock_guard lock(mutex);
    end.write_seconds = since.seconds();
    if (!given_up) on_end(end);
  }
};

CheckpointWriter::CheckpointWriter(std::filesystem::path folder, const Retention& keep,
                                   OnEnd on_end, MayWrite may_write, const WritePatience& patience)
    : folder_(std::move(folder)),
      keep_(keep),
      on_end_(std::move(on_end)),
      may_write_(std::move(may_write)),
      patience_(patience) {}

// The run may have ended for another reason, which shall be told soon.
CheckpointWriter::~CheckpointWriter() {
  try {
    const double left = look() == WriteState::kOverdue
                            ? 0
                            : std::min(patience_.warn_seconds, patience_.timeout_seconds);
    if (in_flight_.valid()) in_flight_.wait_for(std::chrono::duration<double>(left));
    if (idle()) {
      finish();
    } else {
      log::warn(
          text("%s: it is not whole yet, and the run ends without it", write_->path().c_str()));
      leave();
    }
  } catch (const std::exception& problem) {
    log::error(as_error(problem).what());
  }
}

void CheckpointWriter::save(CheckpointContents contents, const std::string& kind,
                            const Stopwatch& stall) {
  try {
    finish();
  } catch (const std::exception& problem) {
    if (failures_in_row_ >= kMostFailuresInRow) throw;
    log::error(std::string("a checkpoint was not written: ") + as_error(problem).what());
  }
  write_ = std::make_shared<Write>();
  write_->folder = folder_;
  write_->keep = keep_;
  write_->on_end = on_end_;
  write_->may_write = may_write_;
  write_->end.step = contents.state.step;
  write_->end.kind = kind;
  write_->end.stall_seconds = stall.seconds();
  write_->contents = std::move(contents);
  warned_ = false;
  late_.reset();
  std::packaged_task<void()> task([write = write_] { write->run(); });
  std::future<void> done = task.get_future();
  thread_ = std::thread(std::move(task));
  in_flight_ = std::move(done);
}

bool CheckpointWriter::idle() const {
  return !in_flight_.valid() ||
         in_flight_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

WriteState CheckpointWriter::look() {
  if (idle()) return WriteState::kNone;
  const double seconds = write_->since.seconds();
  if (seconds >= patience_.warn_seconds && !std::exchange(warned_, true)) {
    log::warn(
        text("%s: host %s has been writing this checkpoint for %.0f s; see whether its "
             "storage answers (the run ends after checkpoint.timeout_seconds, %g s)",
             write_->path().c_str(), host_name().c_str(), seconds, patience_.timeout_seconds));
  }
  if (seconds < patience_.timeout_seconds) return WriteState::kWriting;
  if (!late_) late_.emplace();
  return late_->seconds() < std::min(kSecondLookSeconds, patience_.timeout_seconds)
             ? WriteState::kWriting
             : WriteState::kOverdue;
}

WeightsError CheckpointWriter::give_up() {
  WeightsError problem(
      text("host %s has been writing this checkpoint for %.1f s, and it is not whole",
           host_name().c_str(), write_->since.seconds()),
      write_->path().string(),
      "see whether the storage of that host answers, then start again (a run goes on from its "
      "newest checkpoint); checkpoint.timeout_seconds is how long a write may take");
  leave();
  return problem;
}

void CheckpointWriter::leave() {
  {
    const std::lock_guard lock(write_->mutex);
    write_->given_up = true;
  }
  thread_.detach();
  in_flight_ = {};
  write_.reset();
  failures_in_row_ = kMostFailuresInRow;  // save throws: it may still be at it
}

void CheckpointWriter::finish() {
  if (!in_flight_.valid()) return;
  while (in_flight_.wait_for(kBetweenLooks) != std::future_status::ready)
    if (look() == WriteState::kOverdue) throw give_up();
  thread_.join();
  ++failures_in_row_;
  in_flight_.get();
  failures_in_row_ = 0;
}

}  // namespace catamaran
