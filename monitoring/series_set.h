// SeriesSet: the series of a metric table in a Prometheus registry, each label combination at 0
// from the start.
//
//   SeriesSet series(metric_table(), registry);
//   series.counter("catamaran_steps_total", {"ok"}).Increment();   // values in the table's order
//
// Series of a label that stands beside the one without it are made on demand: add_beside. A name or
// value that is not in the table is our own mistake (CATAMARAN_ASSERT). The registry must outlive
// the set. Thread-safe, except set_info and add_beside: before the others.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <string>
#include <vector>

#include "monitoring/metric_table.h"

namespace catamaran {

class SeriesSet {
 public:
  SeriesSet(const std::vector<MetricDescription>& table, prometheus::Registry& registry);

  prometheus::Gauge& gauge(const std::string& name, const std::vector<std::string>& values = {});
  prometheus::Counter& counter(const std::string& name,
                               const std::vector<std::string>& values = {});
  prometheus::Histogram& histogram(const std::string& name,
                                   const std::vector<std::string>& values = {});

  // The one series, of value 1, of a gauge whose labels are text known only now.
  void set_info(const std::string& name, const std::vector<std::string>& values);
  // The series of these values, of a metric whose labels stand beside the series without them.
  void add_beside(const std::string& name, const std::vector<std::string>& values);

 private:
  const MetricDescription& description(const std::string& name,
                                       const std::vector<std::string>& values) const;
  void add(const MetricDescription& metric, const std::vector<std::string>& values);

  const std::vector<MetricDescription>& table_;
  prometheus::Registry& registry_;
  std::map<std::string, prometheus::Gauge*> gauges_;
  std::map<std::string, prometheus::Counter*> counters_;
  std::map<std::string, prometheus::Histogram*> histograms_;
};

}  // namespace catamaran
