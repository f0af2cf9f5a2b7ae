// The one list of Prometheus series: name, type, labels with every value they take, buckets, help.
// Metrics registers the series from it and docs/metrics.md is made from it; a test holds page and
// table together.
//
//   for (const MetricDescription& metric : metric_table()) metric.name;
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

// Up to so many ranks have series of their own; of more there are the least, the middle and the
// greatest.
constexpr int64_t kMostRanksShown = 64;

enum class MetricType { kGauge, kCounter, kHistogram };

struct MetricLabel {
  std::string name;
  std::vector<std::string> values = {};  // none: text known only at the start, or a number of ranks
  // Series with it stand beside the one without it, where the run has them.
  bool beside = false;
};

struct MetricDescription {
  std::string name;
  MetricType type;
  std::vector<MetricLabel> labels;
  std::vector<double> buckets;  // upper bounds, of a histogram
  std::string help;
};

// The run's own series, catamaran_*, in the registry of monitoring/metrics.h.
const std::vector<MetricDescription>& metric_table();

// Those of single ranks and their GPUs: monitoring/rank_metrics.h makes them at each scrape.
const std::vector<MetricDescription>& rank_metric_table();

// The standard series of any process, process_*: monitoring/process_metrics.h reads them.
const std::vector<MetricDescription>& process_metric_table();

// docs/metrics.md.
std::string metrics_markdown();

}  // namespace catamaran
