// ProcessMetrics: the standard process_* series (process_metric_table), read from /proc at each
// scrape. A value that /proc does not give is left out. Thread-safe.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace catamaran {

class ProcessMetrics : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace catamaran
