#include "trainer/checkpoint_writer.h"

#include <exception>
#include <utility>

#include "support/log.h"
#include "trainer/api.h"

namespace catamaran {

CheckpointWriter::CheckpointWriter(std::filesystem::path folder, int64_t keep, OnEnd on_end)
    : folder_(std::move(folder)), keep_(keep), on_end_(std::move(on_end)) {}

CheckpointWriter::~CheckpointWriter() {
  try {
    finish();
  } catch (const std::exception& problem) {
    log::error(as_error(problem).what());
  }
}

void CheckpointWriter::save(CheckpointContents contents, const std::string& kind,
                            const Stopwatch& stall) {
  finish();
  CheckpointEnd end;
  end.step = contents.state.step;
  end.kind = kind;
  end.stall_seconds = stall.seconds();
  in_flight_ =
      std::async(std::launch::async, [this, end, contents = std::move(contents)]() mutable {
        const Stopwatch watch;
        try {
          end.bytes = write_checkpoint(folder_, contents);
          remove_old_checkpoints(folder_, keep_, contents.state.best_step);
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

void CheckpointWriter::finish() {
  if (in_flight_.valid()) in_flight_.get();
}

}  // namespace catamaran
