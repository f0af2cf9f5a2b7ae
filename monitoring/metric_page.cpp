// docs/metrics.md: metrics_markdown() of monitoring/metric_table.h.
#include <sstream>
#include <string>
#include <vector>

#include "monitoring/metric_table.h"

namespace catamaran {
namespace {

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
    text << (text.tellp() > 0 ? "; " : "") << (label.beside ? "(" : "") << label.name;
    for (size_t v = 0; v < label.values.size(); ++v)
      text << (v == 0 ? ": " : ", ") << label.values[v];
    if (label.beside) text << ")";
  }
  for (size_t b = 0; b < metric.buckets.size(); ++b) {
    if (b == 0) text << (text.tellp() > 0 ? "; " : "") << "le:";
    text << " " << metric.buckets[b];
  }
  return text.tellp() > 0 ? text.str() : "-";
}

void append_rows(const std::vector<MetricDescription>& table, std::string& page) {
  page += "| name | type | labels, buckets | meaning |\n|---|---|---|---|\n";
  for (const MetricDescription& metric : table) {
    page += "| `" + metric.name + "` | " + type_name(metric.type) + " | " + labels_text(metric) +
            " | " + metric.help + " |\n";
  }
}

constexpr const char* kBeginning =
    R"(# Metrics

Rank 0 serves them at `/metrics` of the address in `RUN/metrics-address.txt`; other ranks serve nothing.
Beside it, `/healthz` answers 200 while the process lives, and `/readyz` 503 before its first step is done, 200 from then on.
Times are seconds, ratios 0..1, timestamps Unix time. Every series exists from the start, at 0 (timestamps
at the start of the process), so that rates and alerts have a first value; what cannot be known yet is NaN, which no
comparison in an alert is true for. A label in brackets has series beside the one without it.

Counters start again with the process. What is said of the whole life of a run survives its restarts: step, epoch and progress,
restarts, steps that were lost, goodput, the best mAP.

The numbers of a step are those of all ranks, from the one small all-reduce that each step has. Totals of all ranks (bytes read, log
messages, GPUs) come to rank 0 with another one, at a logged step (`log.every_steps`), and no more often than every five seconds.

Under Prometheus' own labels a target has `run`, `slurm_job_id`, `user` and `cluster`, where `monitoring.discovery_folder` names a folder
that `file_sd_configs` (or `catamaran sd` for `http_sd_configs`) reads: the run's file is there from its start to a clean end (code 0 or
75), and stays after any other, so that the target is seen to be down.

This page is made from the program's own table (`monitoring/metric_table.cpp`); a test compares the two.

)";

constexpr const char* kEnd =
    R"(
## When the run is over

A run that ended well (code 0) after more than `monitoring.linger_seconds`, and one that all ranks end together (numerics, damaged
images), serves its last page until it has been scraped once more, for that long at most, where somebody has scraped it within as long a time; any
signal ends the wait. Others end at once. `RUN/final.prom` holds the end for the textfile collector of node_exporter, written by
rename, by rank 0 wherever it still can: `catamaran_final_info` (1; labels `run`, `state`, `reason`: done, signal, time limit or
failure, and `cause`, one sentence), `catamaran_final_exit_code` (not there where the launcher alone knows it), `catamaran_final_step`,
`catamaran_final_epoch`, `catamaran_final_progress_ratio`, `catamaran_final_loss`, `catamaran_final_best_map_ratio` and
`catamaran_final_timestamp_seconds`, each with the label `run`. The next start deletes it.
)";

}  // namespace

std::string metrics_markdown() {
  std::string page = kBeginning;
  append_rows(metric_table(), page);
  page += "\n## Ranks and GPUs\n\nSeries by `rank` are there in worlds of up to " +
          std::to_string(kMostRanksShown) +
          " ranks, those by `stat` in all; of GPUs there is the one or the other. GPUs are\n"
          "asked through NVML every ten seconds; without it, and for what a GPU does not tell, "
          "there are no series.\n\n";
  append_rows(rank_metric_table(), page);
  page += "\n## The process\n\nRead from `/proc` at each scrape.\n\n";
  append_rows(process_metric_table(), page);
  return page + kEnd;
}

}  // namespace catamaran
