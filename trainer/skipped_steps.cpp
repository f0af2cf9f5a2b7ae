// What becomes of steps that were not applied: they are counted and logged with their images, too
// many in a row end the run, and a spike may, too, or take it back to its newest checkpoint. All
// ranks see the same reports, so all do the same.
#include <optional>
#include <string>

#include "support/error.h"
#include "support/log.h"
#include "trainer/checkpoint.h"
#include "trainer/resume.h"
#include "trainer/trainer.h"

namespace catamaran {
namespace {

constexpr int64_t kMostRollbacks = 3;  // without a new checkpoint in between
constexpr size_t kMostIds = 64;        // named in the log

std::string step_name(int64_t step) { return "step " + std::to_string(step); }

}  // namespace

void Trainer::check_numerics(const StepReport& report) {
  int64_t& skipped = parts_.position.skipped_in_row;
  if (report.applied) {
    skipped = 0;
    return;
  }
  log_skipped(report);
  ++skipped;
  const NumericsOptions& numerics = parts_.options.numerics;
  if (report.spike && numerics.on_spike == "stop") {
    end_together();
    throw NumericsError("a spike: " + spike_->text(), step_name(report.step),
                        "lower optimizer.learning_rate or set clip.max_norm, and resume from the "
                        "newest checkpoint; or let numerics.on_spike be skip or rollback");
  }
  if (skipped >= numerics.max_consecutive_skips) {
    end_together();
    throw NumericsError(
        std::to_string(skipped) + " steps in a row were " +
            (report.spike ? "spikes or not finite" : "not finite"),
        step_name(report.step),
        "lower optimizer.learning_rate, set clip.max_norm, and resume from the newest checkpoint");
  }
  if (report.spike && numerics.on_spike == "rollback") go_back(report);
}

void Trainer::log_skipped(const StepReport& report) {
  if (!group_.is_root()) return;
  const char* what = "the step was skipped on all ranks, weights are untouched";
  if (report.spike) {
    log::warn(step_name(report.step) + ": " + spike_->text() + "; " + what);
  } else {
    log::warn(
        text("step %ld: loss %g, gradient norm %g or learning rate %g is not finite (loss scale "
             "%g); %s",
             report.step, report.loss, report.gradient_norm, report.learning_rate,
             report.loss_scale, what));
  }
  const std::vector<SampleKey> keys = order_.step(report.step - 1);
  std::string ids;
  for (size_t k = 0; k < keys.size() && k < kMostIds; ++k)
    ids += (k > 0 ? ", " : "") + printable(train_pack_.id(keys[k].index));
  if (keys.size() > kMostIds) ids += text(" and %zu more", keys.size() - kMostIds);
  log::warn(step_name(report.step) + ": its images: " + ids);
}

// Only of this life, or the one that it began with: where it began with an older one, `latest` may
// still name one of the steps that it left. Rank 0 alone; empty: none.
std::filesystem::path Trainer::checkpoint_to_go_back_to() const {
  const std::optional<std::filesystem::path> newest =
      find_checkpoint(parts_.run_dir / "checkpoints");
  const bool own = newest && saved_steps_.contains(read_checkpoint_state(*newest).step);
  return own ? *newest : restored_;
}

// Weights, optimizer, averages and statistics of batch norm become those of the newest checkpoint.
// The position stays: the images since then are not seen again, so the run takes another way.
void Trainer::go_back(const StepReport& report) {
  wait_for_writer();
  const std::filesystem::path checkpoint =
      group_.broadcast_text(group_.is_root() ? checkpoint_to_go_back_to().string() : std::string());
  if (checkpoint.empty()) {
    end_together();
    throw NumericsError("a spike: " + spike_->text() + ", and no checkpoint to go back to",
                        step_name(report.step),
                        "lower optimizer.learning_rate or checkpoint.every_steps, or let "
                        "numerics.on_spike be skip");
  }
  if (++rollbacks_ > kMostRollbacks) {
    end_together();
    throw NumericsError(
        std::to_string(kMostRollbacks) +
            " times back to the same checkpoint, and again a spike: " + spike_->text(),
        step_name(report.step), "lower optimizer.learning_rate or set clip.max_norm, and resume");
  }
  const CheckpointState state = read_checkpoint_state(checkpoint);
  load_model_of(checkpoint, *parts_.cat);
  restore(checkpoint, state);
  check_consistency();
  monitor_.record_rollback(report.step - 1 - state.step);
  if (group_.is_root()) {
    log::warn(
        text("step %ld: back to the weights of step %ld (%s), time %ld of %ld at most; the "
             "data goes on",
             report.step, state.step, checkpoint.c_str(), rollbacks_, kMostRollbacks));
  }
}

}  // namespace catamaran
