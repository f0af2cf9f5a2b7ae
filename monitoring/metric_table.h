// The one list of Prometheus series: name, type, labels with every value they take, buckets, help.
// Metrics registers the series from it and docs/metrics.md is made from it; a test holds page and
// table together.
//
//   for (const MetricDescription& metric : metric_table()) metric.name;
//
// Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace catamaran {

enum class MetricType { kGauge, kCounter, kHistogram };

struct MetricLabel {
  std::string name;
  std::vector<std::string> values;  // none: text known only at the start, of an info series
};

struct MetricDescription {
  std::string name;
  MetricType type;
  std::vector<MetricLabel> labels;
  std::vector<double> buckets;  // upper bounds, of a histogram
  std::string help;
};

// The run's own series, catamaran_*.
const std::vector<MetricDescription>& metric_table();

// The standard series of any process, process_*: monitoring/process_metrics.h reads them.
const std::vector<MetricDescription>& process_metric_table();

// docs/metrics.md.
std::string metrics_markdown();

}  // namespace catamaran
