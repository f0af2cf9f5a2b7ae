#include "monitoring/metric_table.h"

#include <sstream>

namespace catamaran {
namespace {

using Labels = std::vector<MetricLabel>;

MetricDescription gauge(std::string name, Labels labels, std::string help) {
  return {std::move(name), MetricType::kGauge, std::move(labels), {}, std::move(help)};
}

MetricDescription counter(std::string name, Labels labels, std::string help) {
  return {std::move(name), MetricType::kCounter, std::move(labels), {}, std::move(help)};
}

MetricDescription histogram(std::string name, std::vector<double> buckets, std::string help) {
  return {std::move(name), MetricType::kHistogram, {}, std::move(buckets), std::move(help)};
}

std::string type_name(MetricType type) {
  switch (type) {
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kCounter:
      return "counter";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "";
}

std::string labels_text(const MetricDescription& metric) {
  std::ostringstream text;
  for (const MetricLabel& label : metric.labels) {
    text << (text.tellp() > 0 ? "; " : "") << label.name;
    for (size_t v = 0; v < label.values.size(); ++v)
      text << (v == 0 ? ": " : ", ") << label.values[v];
  }
  for (size_t b = 0; b < metric.buckets.size(); ++b)
    text << (b == 0 ? "le: " : " ") << metric.buckets[b];
  return text.tellp() > 0 ? text.str() : "-";
}

void append_rows(const std::vector<MetricDescription>& table, std::string& page) {
  page += "| name | type | labels, buckets | meaning |\n|---|---|---|---|\n";
  for (const MetricDescription& metric : table) {
    page += "| `" + metric.name + "` | " + type_name(metric.type) + " | " + labels_text(metric) +
            " | " + metric.help + " |\n";
  }
}

}  // namespace

const std::vector<MetricDescription>& metric_table() {
  static const std::vector<MetricDescription> table = {
      gauge("catamaran_build_info",
            {{"version", {}}, {"git", {}}, {"torch", {}}, {"nccl", {}}, {"mpi", {}}},
            "1; what the program was built of"),
      gauge("catamaran_run_info",
            {{"run", {}},
             {"config_hash", {}},
             {"dataset", {}},
             {"model", {}},
             {"world_size", {}},
             {"global_batch", {}}},
            "1; what runs"),
      gauge("catamaran_state",
            {{"state", {"init", "self_test", "train", "eval", "checkpoint", "finish"}}},
            "1 for the state the run is in, else 0"),
      gauge("catamaran_step", {}, "Optimizer steps done since the run's first start"),
      gauge("catamaran_epoch", {}, "Epoch of the newest step, from 0"),
      gauge("catamaran_progress_ratio", {}, "Share of the run's steps that are done"),
      gauge("catamaran_eta_seconds", {}, "Seconds to the last step at the smoothed step time"),
      counter("catamaran_steps_total", {{"result", {"ok", "skipped_nonfinite", "skipped_spike"}}},
              "Steps of this process by result"),
      counter("catamaran_samples_total", {{"split", {"train", "eval"}}},
              "Images processed by all ranks; images/s is its rate"),
      histogram("catamaran_step_duration_seconds",
                {.01, .025, .05, .1, .15, .2, .3, .5, .75, 1, 2.5, 5, 10, 30, 60},
                "Time of a whole step"),
      gauge("catamaran_step_duration_smoothed_seconds", {},
            "Step time, exponentially smoothed over about 20 steps"),
      counter("catamaran_phase_seconds_total",
              {{"phase",
                {"data_wait", "forward", "backward", "allreduce_exposed", "optimizer", "other",
                 "eval", "checkpoint_stall", "self_test"}}},
              "Wall time by what it went into, mean over ranks"),
      counter("catamaran_allreduce_bytes_total", {{"op", {"gradient"}}},
              "Bytes a rank gave to all-reduces"),
      counter("catamaran_allreduce_seconds_total", {{"op", {"gradient"}}},
              "Seconds during which an all-reduce was under way, mean over ranks"),
      gauge("catamaran_allreduce_overlap_ratio", {},
            "Share of the newest step's all-reduces that computation hid"),
      histogram("catamaran_data_wait_seconds",
                {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
                "Time a step waited for its batch, mean over ranks"),
      gauge("catamaran_queue_batches", {}, "Batches ready in rank 0's loader"),
      gauge("catamaran_queue_capacity_batches", {}, "Batches ready or in work at most"),
      counter("catamaran_read_bytes_total", {}, "Image bytes rank 0 read from packs"),
      counter("catamaran_decode_seconds_total", {},
              "Seconds rank 0's loader threads spent reading, decoding and resizing"),
      counter("catamaran_bad_samples_total", {{"reason", {"unreadable", "undecodable"}}},
              "Training images of all ranks that another one took the place of"),
      counter("catamaran_cache_hits_total", {}, "Images rank 0 took from memory (data.cache_mib)"),
      gauge("catamaran_loss", {}, "Mean loss over the global batch of the newest step"),
      gauge("catamaran_loss_smoothed", {}, "Loss, exponentially smoothed over about 50 steps"),
      gauge("catamaran_learning_rate", {}, "Learning rate of the new layers"),
      gauge("catamaran_gradient_norm", {}, "L2 norm of all gradients before clipping"),
      gauge("catamaran_loss_scale", {},
            "Factor on gradients of the newest step; 1 unless they pass through fp16"),
      gauge("catamaran_fusion_weight", {{"weight", {"alpha", "beta", "gamma"}}},
            "Weights of the three heads, equation (11)"),
      gauge("catamaran_eval_map_ratio", {{"split", {"eval"}}, {"weights", {"raw", "ema"}}},
            "mAP of the newest evaluation"),
      gauge("catamaran_eval_f1_ratio", {{"average", {"micro", "macro"}}},
            "OF1 (micro) and CF1 (macro) of the newest evaluation"),
      gauge("catamaran_best_map_ratio", {}, "Highest mAP of this process"),
      counter("catamaran_nonfinite_steps_total", {},
              "Steps skipped on all ranks because loss or norm was not finite"),
      counter("catamaran_consistency_checks_total", {},
              "Hash comparisons of the weights across ranks"),
      counter("catamaran_consistency_check_failures_total", {},
              "Comparisons that found ranks that differ"),
      counter("catamaran_checkpoints_total",
              {{"result", {"ok", "error"}}, {"kind", {"periodic", "best", "signal", "final"}}},
              "Checkpoints by result and kind"),
      histogram("catamaran_checkpoint_write_duration_seconds",
                {.1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600},
                "Time to write a checkpoint in the background"),
      histogram("catamaran_checkpoint_stall_duration_seconds",
                {.001, .005, .01, .05, .1, .5, 1, 5, 30},
                "Time the step loop stood still for a checkpoint"),
      gauge("catamaran_checkpoint_bytes", {}, "Size of the newest checkpoint"),
      gauge("catamaran_start_timestamp_seconds", {}, "Unix time of this process's start"),
      gauge("catamaran_last_step_timestamp_seconds", {},
            "Unix time of the newest step (of the start before it)"),
      gauge("catamaran_last_eval_timestamp_seconds", {},
            "Unix time of the newest evaluation (of the start before it)"),
      gauge("catamaran_last_checkpoint_timestamp_seconds", {},
            "Unix time of the newest checkpoint (of the start before it)"),
      gauge(
          "catamaran_oldest_heartbeat_timestamp_seconds", {},
          "Unix time of the newest heartbeat of the rank that has been silent for longest (of the "
          "start where one was never heard)"),
      gauge("catamaran_slowest_rank", {},
            "Number of the rank whose own work took longest, over the newest 10 steps"),
      gauge("catamaran_slowest_rank_factor", {},
            "Seconds of the slowest rank's own work (data wait, forward, backward) over the median "
            "of all ranks; 1 before the first step"),
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

std::string metrics_markdown() {
  std::string page =
      "# Metrics\n\n"
      "Rank 0 serves them at `/metrics` of the address in `RUN/metrics-address.txt`; other ranks "
      "serve nothing.\n"
      "Beside it, `/healthz` answers 200 while the process lives, and `/readyz` 503 before its "
      "first "
      "step is done, 200 from then on.\n"
      "Times are seconds, ratios 0..1, timestamps Unix time. Every series exists from the start, "
      "at "
      "0 (timestamps\n"
      "at the start time), so that rates and alerts have a first value. Counters start again with "
      "the process;\n"
      "`catamaran_step`, `catamaran_epoch` and `catamaran_progress_ratio` are where the resumed "
      "run "
      "stood from its start.\n\n"
      "This page is made from the program's own table (`monitoring/metric_table.cpp`); a test "
      "compares the two.\n\n";
  append_rows(metric_table(), page);
  page += "\n## The process\n\nRead from `/proc` at each scrape.\n\n";
  append_rows(process_metric_table(), page);
  return page;
}

}  // namespace catamaran
