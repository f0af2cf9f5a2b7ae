// When a run ends before its schedule does: by a signal, or because its time is up, which rank 0's
// clock alone decides. Either is one rank's wish, which reaches all with the sums of the step.
#include <algorithm>
#include <string>

#include "support/clock.h"
#include "support/error.h"
#include "support/log.h"
#include "trainer/manifest.h"
#include "trainer/trainer.h"

namespace catamaran {
namespace {

// "2026-11-25 02:49 UTC" of a moment of the steady clock.
std::string utc_of_steady(double moment) {
  return utc_text(unix_seconds() + moment - steady_seconds());
}

}  // namespace

void Trainer::announce_deadline() const {
  if (!limit_) return;
  log::info("stops by " + utc_of_steady(limit_->deadline()) + ": " + parts_.deadline->set_by);
}

// After the last step there is nothing to stop but its evaluation.
bool Trainer::wishes_to_stop(int64_t step_done) {
  if (signalled()) return true;
  const bool last = step_done == schedule_.last_step();
  const bool evaluation_next = evaluator_ && (last || evaluate_every_.due(step_done));
  return (!last || evaluation_next) && is_time_to_stop(evaluation_next);
}

bool Trainer::is_time_to_stop(bool evaluation_next) {
  if (!limit_) return false;
  limit_->checkpoint_took(longest_checkpoint_);
  const double now = steady_seconds();
  if (!limit_->must_stop(now, evaluation_next)) return false;
  if (stop_reason_.empty()) {
    stop_reason_ = "time limit";
    log::info(text("the time limit (%s) is %.1f s away: stopping, as a last checkpoint may take ",
                   parts_.deadline->set_by.c_str(), std::max(0.0, limit_->deadline() - now)) +
              limit_->margin(evaluation_next).text());
  }
  return true;
}

// The manifest is for readers: a run whose work is saved does not fail for it.
void Trainer::end_life(bool done) {
  if (!group_.is_root() || parts_.run_dir.empty()) return;
  if (!done && stop_reason_.empty()) {
    stop_reason_ = "signal";
    log::info(text("a signal stopped the run after step %ld", parts_.position.step));
  }
  try {
    require_run_directory();
    record_end(parts_.run_dir, done ? "done" : stop_reason_, parts_.position.step);
  } catch (const Error& problem) {
    log::warn(std::string("how the run ended is not in its manifest: ") + problem.what());
  }
}

}  // namespace catamaran
