#include "monitoring/metric_table.h"

#include <algorithm>

#include "support/assert.h"

namespace catamaran {

const std::vector<MetricDescription>& metric_table() {
  static const std::vector<MetricDescription> table = {
      {"catamaran_build_info", "gauge", "version, git, torch, nccl, mpi",
       "1; what the program was built of"},
      {"catamaran_run_info", "gauge", "run, config_hash, dataset, model, world_size, global_batch",
       "1; what runs"},
      {"catamaran_state", "gauge", "state: init, train, eval, checkpoint, finish",
       "1 for the state the run is in, else 0"},
      {"catamaran_step", "gauge", "", "Optimizer steps done since the run's first start"},
      {"catamaran_epoch", "gauge", "", "Epoch of the newest step, from 0"},
      {"catamaran_progress_ratio", "gauge", "", "Share of the run's steps that are done"},
      {"catamaran_eta_seconds", "gauge", "", "Seconds to the end at the smoothed step time"},
      {"catamaran_steps_total", "counter", "result: ok, skipped_nonfinite",
       "Steps of this process by result"},
      {"catamaran_samples_total", "counter", "split: train, eval",
       "Images processed by all ranks; images/s is its rate"},
      {"catamaran_step_duration_seconds", "histogram", "", "Time of a whole step"},
      {"catamaran_step_duration_smoothed_seconds", "gauge", "",
       "Step time, exponentially smoothed over about 20 steps"},
      {"catamaran_phase_seconds_total", "counter",
       "phase: data_wait, forward, backward, allreduce_exposed, optimizer, other, eval, "
       "checkpoint_stall",
       "Wall time by what it went into, mean over ranks"},
      {"catamaran_allreduce_bytes_total", "counter", "op: gradient",
       "Bytes a rank gave to all-reduces"},
      {"catamaran_data_wait_seconds", "histogram", "",
       "Time a step waited for its batch, mean over ranks"},
      {"catamaran_queue_batches", "gauge", "", "Batches ready in rank 0's loader"},
      {"catamaran_queue_capacity_batches", "gauge", "", "Batches ready or in work at most"},
      {"catamaran_read_bytes_total", "counter", "", "JPEG bytes rank 0 read from packs"},
      {"catamaran_decode_seconds_total", "counter", "",
       "Seconds rank 0's loader threads spent reading, decoding and resizing"},
      {"catamaran_loss", "gauge", "", "Mean loss over the global batch of the newest step"},
      {"catamaran_loss_smoothed", "gauge", "", "Loss, exponentially smoothed over about 50 steps"},
      {"catamaran_learning_rate", "gauge", "", "Learning rate of the new layers"},
      {"catamaran_gradient_norm", "gauge", "", "L2 norm of all gradients before clipping"},
      {"catamaran_fusion_weight", "gauge", "weight: alpha, beta, gamma",
       "Weights of the three heads, equation (11)"},
      {"catamaran_eval_map_ratio", "gauge", "weights: raw, ema", "mAP of the newest evaluation"},
      {"catamaran_eval_f1_ratio", "gauge", "average: micro, macro",
       "OF1 and CF1 of the newest evaluation"},
      {"catamaran_best_map_ratio", "gauge", "", "Highest mAP of this process"},
      {"catamaran_nonfinite_steps_total", "counter", "",
       "Steps skipped on all ranks because loss or norm was not finite"},
      {"catamaran_consistency_checks_total", "counter", "",
       "Hash comparisons of the weights across ranks"},
      {"catamaran_consistency_check_failures_total", "counter", "",
       "Comparisons that found ranks that differ"},
      {"catamaran_checkpoints_total", "counter", "result: ok, error; kind: periodic, signal, final",
       "Checkpoints by result and kind"},
      {"catamaran_checkpoint_write_duration_seconds", "histogram", "",
       "Time to write a checkpoint in the background"},
      {"catamaran_checkpoint_stall_duration_seconds", "histogram", "",
       "Time the step loop stood still for a checkpoint"},
      {"catamaran_checkpoint_bytes", "gauge", "", "Size of the newest checkpoint"},
      {"catamaran_start_timestamp_seconds", "gauge", "", "Unix time of this process's start"},
      {"catamaran_last_step_timestamp_seconds", "gauge", "",
       "Unix time of the newest step (of the start before it)"},
      {"catamaran_last_eval_timestamp_seconds", "gauge", "",
       "Unix time of the newest evaluation (of the start before it)"},
      {"catamaran_last_checkpoint_timestamp_seconds", "gauge", "",
       "Unix time of the newest checkpoint (of the start before it)"},
  };
  return table;
}

const MetricDescription& metric(const std::string& name) {
  const auto& table = metric_table();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const MetricDescription& m) { return name == m.name; });
  CATAMARAN_ASSERT(found != table.end(), "every series is in the table");
  return *found;
}

std::string metrics_markdown() {
  std::string text =
      "# Metrics\n\nServed by rank 0 at the address in `RUN/metrics-address.txt`. Times are "
      "seconds, ratios 0..1, timestamps Unix "
      "time.\nThis page is made from the program's own table (`monitoring/metric_table.cpp`).\n\n"
      "| name | type | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricDescription& m : metric_table()) {
    text += std::string("| `") + m.name + "` | " + m.type + " | " +
            (*m.labels == '\0' ? "-" : m.labels) + " | " + m.help + " |\n";
  }
  return text;
}

}  // namespace catamaran
