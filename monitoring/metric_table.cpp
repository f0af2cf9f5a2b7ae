#include "monitoring/metric_table.h"

#include <utility>

namespace catamaran {
namespace {

using Labels = std::vector<MetricLabel>;

MetricDescription gauge(std::string name, Labels labels, std::string help) {
  return {std::move(name), MetricType::kGauge, std::move(labels), {}, std::move(help)};
}

MetricDescription counter(std::string name, Labels labels, std::string help) {
  return {std::move(name), MetricType::kCounter, std::move(labels), {}, std::move(help)};
}

MetricDescription histogram(std::string name, Labels labels, std::vector<double> buckets,
                            std::string help) {
  return {std::move(name), MetricType::kHistogram, std::move(labels), std::move(buckets),
          std::move(help)};
}

const Labels kOperations = {{"op", {"gradient", "metrics", "sync"}}};
const Labels kStats = {{"stat", {"min", "p50", "max"}}};
const Labels kRanksOrStats = {{"rank"}, {"stat", {"min", "p50", "max"}}};
const Labels kStatsAndRanks = {{"stat", {"min", "p50", "max"}}, {.name = "rank", .beside = true}};

}  // namespace

const std::vector<MetricDescription>& metric_table() {
  static const std::vector<MetricDescription> table = {
      gauge("catamaran_build_info", {{"version"}, {"git"}, {"torch"}, {"nccl"}, {"mpi"}},
            "1; what the program was built of"),
      gauge("catamaran_run_info",
            {{"run"}, {"config_hash"}, {"dataset"}, {"model"}, {"world_size"}, {"global_batch"}},
            "1; what runs"),
      gauge("catamaran_state",
            {{"state", {"init", "self_test", "train", "eval", "checkpoint", "finish"}}},
            "1 for the state the run is in, else 0"),
      gauge("catamaran_step", {}, "Optimizer steps done since the run's first start"),
      gauge("catamaran_epoch", {}, "Epoch of the newest step, from 0"),
      gauge("catamaran_progress_ratio", {}, "Share of the run's steps that are done"),
      gauge("catamaran_eta_seconds", {}, "Seconds to the last step at the smoothed step time"),
      counter("catamaran_steps_total",
              {{"result", {"ok", "skipped_nonfinite", "skipped_spike", "rolled_back"}}},
              "Steps of this process by result; rolled_back: ok at first, and undone by going back "
              "to a checkpoint"),
      counter("catamaran_samples_total", {{"split", {"train", "eval"}}},
              "Images processed by all ranks; images/s is its rate"),
      histogram("catamaran_step_duration_seconds", {},
                {.01, .025, .05, .1, .15, .2, .3, .5, .75, 1, 2.5, 5, 10, 30, 60},
                "Time of a whole step"),
      gauge("catamaran_step_duration_smoothed_seconds", {},
            "Step time, exponentially smoothed over about 20 steps"),
      counter("catamaran_phase_seconds_total",
              {{"phase",
                {"data_wait", "h2d", "forward", "backward", "allreduce_exposed", "optimizer",
                 "eval", "checkpoint_stall", "self_test", "other"}}},
              "Wall time since the process started by what it went into, mean over ranks; the sum "
              "is the wall time"),
      gauge("catamaran_slowest_rank", {},
            "Number of the rank whose own work took longest, over the newest 10 steps"),
      gauge("catamaran_slowest_rank_factor", {},
            "Seconds of the slowest rank's own work (data wait, forward, backward) over the median "
            "of all ranks; 1 before the first step"),
      counter("catamaran_allreduce_bytes_total", kOperations,
              "Bytes a rank gave to all-reduces of gradients, of the numbers of a step, and of "
              "what else keeps ranks together"),
      counter("catamaran_allreduce_seconds_total", kOperations,
              "Seconds during which an all-reduce was under way, waiting for others included; "
              "gradient: mean over ranks, else rank 0"),
      gauge("catamaran_allreduce_overlap_ratio", {},
            "Share of the newest step's all-reduces of gradients that computation hid"),
      histogram("catamaran_collective_duration_seconds", kOperations,
                {.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 30, 120},
                "Time of an all-reduce on rank 0 from its start to its end, waiting for others "
                "included"),
      histogram("catamaran_data_wait_seconds", {},
                {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
                "Time a step waited for its batch, mean over ranks"),
      gauge("catamaran_queue_batches", {},
            "Batches ready in the loader of the rank that has the fewest"),
      gauge("catamaran_queue_capacity_batches", {}, "Batches ready or in work at most"),
      counter("catamaran_read_bytes_total", {}, "Image bytes that all ranks read from packs"),
      counter("catamaran_decode_seconds_total", {},
              "Seconds that the loader threads of all ranks spent reading, decoding and resizing"),
      counter("catamaran_bad_samples_total",
              {{"reason", {"checksum", "truncated", "format", "size", "read"}}},
              "Training images of all ranks that another one took the place of"),
      counter("catamaran_cache_hits_total", {},
              "Images that all ranks took from memory (data.cache_mib)"),
      gauge("catamaran_loss", {{.name = "head", .values = {"1", "2", "3"}, .beside = true}},
            "Mean loss over the global batch of the newest step; head: of a head's own logits, "
            "where loss.auxiliary_weight is above 0"),
      gauge("catamaran_loss_smoothed", {}, "Loss, exponentially smoothed over about 50 steps"),
      gauge("catamaran_learning_rate", {}, "Learning rate of the new layers"),
      gauge("catamaran_gradient_norm", {}, "L2 norm of all gradients before clipping"),
      gauge("catamaran_parameter_norm", {},
            "L2 norm of all trained weights, as of the newest logged step that brought totals"),
      gauge("catamaran_loss_scale", {},
            "Factor on gradients of the newest step; 1 unless they pass through fp16"),
      gauge("catamaran_fusion_weight", {{"weight", {"alpha", "beta", "gamma"}}},
            "Weights of the three heads, equation (11)"),
      gauge("catamaran_eval_map_ratio", {{"split", {"eval"}}, {"weights", {"raw", "ema"}}},
            "mAP of the newest evaluation"),
      gauge("catamaran_eval_f1_ratio", {{"average", {"micro", "macro"}}},
            "OF1 (micro) and CF1 (macro) of the newest evaluation"),
      gauge("catamaran_best_map_ratio", {}, "Highest mAP of the whole life of the run"),
      counter("catamaran_nonfinite_steps_total", {},
              "Steps skipped on all ranks because loss or norm was not finite"),
      counter("catamaran_loss_spikes_total", {},
              "Steps whose loss or gradient norm was a spike (numerics.on_spike)"),
      counter("catamaran_consistency_checks_total", {},
              "Hash comparisons of the weights across ranks"),
      counter("catamaran_consistency_check_failures_total", {},
              "Comparisons that found ranks that differ"),
      counter("catamaran_checkpoints_total",
              {{"result", {"ok", "error", "skipped"}},
               {"kind", {"periodic", "best", "signal", "final"}}},
              "Checkpoints by result and kind; skipped: not tried, as the run directory was moved "
              "away or taken over"),
      histogram("catamaran_checkpoint_write_duration_seconds", {},
                {.1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600},
                "Time to write a checkpoint in the background"),
      histogram("catamaran_checkpoint_stall_duration_seconds", {},
                {.001, .005, .01, .05, .1, .5, 1, 5, 30},
                "Time the step loop stood still for a checkpoint"),
      gauge("catamaran_checkpoint_bytes", {}, "Size of the newest checkpoint"),
      gauge("catamaran_checkpoint_interval_seconds", {},
            "Time from one checkpoint to the next as it is to be expected: steps between them at "
            "the smoothed step time, and the longest evaluation for each one between them; NaN "
            "before the first step"),
      gauge("catamaran_run_dir_free_bytes", {},
            "Free space where the run directory is, asked every 15 seconds; NaN where it does not "
            "answer"),
      gauge("catamaran_start_timestamp_seconds", {}, "Unix time of this process's start"),
      gauge("catamaran_last_step_timestamp_seconds", {},
            "Unix time of the newest step (of the start before it)"),
      gauge("catamaran_last_checkpoint_timestamp_seconds", {},
            "Unix time of the newest checkpoint (of the start before it)"),
      gauge("catamaran_last_eval_timestamp_seconds", {},
            "Unix time of the newest evaluation (of the start before it)"),
      gauge("catamaran_deadline_timestamp_seconds", {},
            "Unix time by which the run must have ended, by --max-time or Slurm; +Inf without one"),
      gauge("catamaran_restarts", {}, "Starts of the run before this one"),
      gauge("catamaran_restarts_without_progress", {},
            "Newest starts before this one, in a row, that began where it begins: no checkpoint "
            "came of them"),
      gauge("catamaran_lost_steps", {},
            "Steps of the whole life of the run that were done again, as their start ended before "
            "a checkpoint held them; as far as they were logged"),
      gauge("catamaran_goodput_ratio", {},
            "Time of the steps that count, of the whole life of the run, over the time since its "
            "first start"),
      gauge("catamaran_oldest_heartbeat_timestamp_seconds", {},
            "Unix time of the newest heartbeat of the rank that has been silent for longest (of "
            "the start where one was never heard)"),
      counter("catamaran_log_messages_total", {{"level", {"warn", "error"}}},
              "Warnings and errors that all ranks have logged"),
      gauge("catamaran_scrape_render_seconds", {}, "Time it took to make the page before this one"),
  };
  return table;
}

const std::vector<MetricDescription>& rank_metric_table() {
  static const std::vector<MetricDescription> table = {
      gauge("catamaran_rank_compute_seconds", kStatsAndRanks,
            "Own work of a step (to the device, forward, backward) before a rank waits for others, "
            "mean over the newest 10 steps"),
      gauge("catamaran_rank_data_wait_seconds", kStatsAndRanks,
            "Time a rank waited for its batch in a step, mean over the newest 10 steps"),
      gauge("catamaran_watchdog_heartbeat_age_seconds", kStats,
            "Seconds since the newest heartbeat of the ranks other than 0, by a steady clock; 0 "
            "where there is no other"),
      gauge("catamaran_gpu_info", {{"rank"}, {"gpu_uuid"}, {"host"}},
            "1; the GPU of a rank, as NVML and DCGM name it"),
      gauge("catamaran_gpu_memory_used_bytes", kRanksOrStats, "Memory of a rank's GPU in use"),
      gauge("catamaran_gpu_memory_total_bytes", kRanksOrStats, "Memory of a rank's GPU"),
      gauge("catamaran_gpu_utilization_ratio", kRanksOrStats,
            "Share of the time in which a rank's GPU computed, by NVML"),
      gauge("catamaran_gpu_temperature_celsius", kRanksOrStats, "Temperature of a rank's GPU"),
      gauge("catamaran_gpu_power_watts", kRanksOrStats, "Power that a rank's GPU draws"),
      counter("catamaran_gpu_ecc_errors_total", kRanksOrStats,
              "Memory errors of a rank's GPU since its driver was loaded, corrected or not"),
  };
  return table;
}

const std::vector<MetricDescription>& process_metric_table() {
  static const std::vector<MetricDescription> table = {
      counter("process_cpu_seconds_total", {}, "User and system time of rank 0"),
      gauge("process_resident_memory_bytes", {}, "Resident memory of rank 0"),
      gauge("process_virtual_memory_bytes", {}, "Virtual memory of rank 0"),
      gauge("process_open_fds", {}, "Open file descriptors of rank 0"),
      gauge("process_max_fds", {}, "Most file descriptors rank 0 may open"),
      gauge("process_threads", {}, "Threads of rank 0"),
      gauge("process_start_time_seconds", {}, "Unix time of rank 0's start"),
  };
  return table;
}

}  // namespace catamaran
