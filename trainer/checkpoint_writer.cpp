#include "trainer/checkpoint_writer.h"

#include <exception>
#include <utility>

#include "support/log.h"

namespace catamaran {

CheckpointWriter::CheckpointWriter(std::filesystem::path folder, int64_t keep, OnWritten on_written)
    : folder_(std::move(folder)), keep_(keep), on_written_(std::move(on_written)) {}

CheckpointWriter::~CheckpointWriter() {
  try {
    finish();
  } catch (const std::exception& problem) {
    log::error(problem.what());
  }
}

void CheckpointWriter::save(CheckpointContents contents, const std::string& kind,
                            const Stopwatch& stall) {
  finish();
  CheckpointWritten written;
  written.step = contents.state.step;
  written.kind = kind;
  written.stall_seconds = stall.seconds();
  in_flight_ =
      std::async(std::launch::async, [this, written, contents = std::move(contents)]() mutable {
        const Stopwatch watch;
        written.bytes = write_checkpoint(folder_, contents);
        remove_old_checkpoints(folder_, keep_, contents.state.best_step);
        written.write_seconds = watch.seconds();
        on_written_(written);
      });
}

void CheckpointWriter::finish() {
  if (in_flight_.valid()) in_flight_.get();
}

}  // namespace catamaran
