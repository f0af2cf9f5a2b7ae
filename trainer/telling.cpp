// What the ranks tell rank 0 of themselves for its metrics, and how long a run that is over is
// still to be seen. All ranks do each together.
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "support/clock.h"
#include "trainer/flat_updates.h"
#include "trainer/trainer.h"

namespace catamaran {

// The same on every rank.
bool Trainer::is_monitored() const {
  return parts_.options.monitoring.enabled && !parts_.run_dir.empty();
}

// Rank 0's clock decides.
bool Trainer::wants_figures(int64_t step_done) {
  if (!monitor_.wants_figures()) return false;
  return figures_due_.is_due(step_done % parts_.options.log.every_steps == 0, steady_seconds());
}

void Trainer::share_figures() {
  const LoaderCounters loader = loader_->counters();
  RankFigures mine;
  mine.read_bytes = static_cast<double>(loader.read_bytes);
  mine.decode_seconds = loader.decode_seconds;
  mine.cache_hits = static_cast<double>(loader.cache_hits);
  mine.ready_batches = static_cast<double>(loader.ready_batches);
  if (parts_.log_counts != nullptr) {
    mine.log_warnings = static_cast<double>(parts_.log_counts->warnings());
    mine.log_errors = static_cast<double>(parts_.log_counts->errors());
  }
  if (parts_.gpu) mine.gpu = parts_.gpu->newest();
  const std::vector<RankFigures> ranks = catamaran::share_figures(mine, group_);
  if (!group_.is_root()) return;
  monitor_.record_figures(ranks, flat_norm(arena_.values()));
}

// All ranks have found the same error: the first that throws ends all, so durable work comes first,
// and what led to it is to be seen.
void Trainer::end_together() {
  wait_for_writer();
  show_last_page(/*ended_well=*/false);
}

// The others ask again and again, as in wait_for_writer.
void Trainer::show_last_page(bool ended_well) {
  constexpr std::chrono::milliseconds kBetweenLooks(50);
  if (!is_monitored() || parts_.options.monitoring.linger_seconds == 0) return;
  monitor_.set_state(RunState::kFinish);
  const auto signals = [this] { return parts_.signals != nullptr ? parts_.signals->load() : 0; };
  const int64_t signals_before = signals();
  // Nobody waits who has been asked to stop, or would be ended at a deadline meanwhile.
  const bool has_time =
      !signalled() && (!limit_ || limit_->deadline() - steady_seconds() >
                                      2 * parts_.options.monitoring.linger_seconds);
  const std::optional<Linger> linger =
      has_time ? monitor_.linger(ended_well) : std::optional<Linger>();
  while (true) {
    double busy = linger && !linger->is_over() && signals() == signals_before ? 1 : 0;
    group_.host().all_reduce(&busy, 1, DataType::kFloat64, ReduceOp::kMax);
    if (busy == 0) return;
    trace_->moved();
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace catamaran
