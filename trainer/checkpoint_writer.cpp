#include "trainer/checkpoint_writer.h"

#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "support/log.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

constexpr int kMostFailuresInRow = 3;

}  // namespace

CheckpointWriter::CheckpointWriter(std::filesystem::path folder, const Retention& keep,
                                   OnEnd on_end, MayWrite may_write)
    : folder_(std::move(folder)),
      keep_(keep),
      on_end_(std::move(on_end)),
      may_write_(std::move(may_write)) {}

CheckpointWriter::~CheckpointWriter() {
  try {
    finish();
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
  CheckpointEnd end;
  end.step = contents.state.step;
  end.kind = kind;
  end.stall_seconds = stall.seconds();
  in_flight_ =
      std::async(std::launch::async, [this, end, contents = std::move(contents)]() mutable {
        const Stopwatch watch;
        try {
          may_write_();
          end.tried = true;
          end.bytes = write_checkpoint(folder_, contents);
          remove_old_checkpoints(folder_, keep_, contents.state.best_step, contents.state.step);
          end.ok = true;
        } catch (...) {
          end.write_seconds = watch.seconds();
          on_end_(end);
          throw;
        }
        end.write_seconds = watch.seconds();
        on_end_(end);
      });
}

bool CheckpointWriter::idle() const {
  return !in_flight_.valid() ||
         in_flight_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

void CheckpointWriter::finish() {
  if (!in_flight_.valid()) return;
  ++failures_in_row_;
  in_flight_.get();
  failures_in_row_ = 0;
}

}  // namespace catamaran
