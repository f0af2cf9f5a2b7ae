// The one list of Prometheus series: name, type, help. docs/metrics.md is made from it; a test
// holds the two together.
//
//   metric("catamaran_loss").help      // text of a series
//
// Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace catamaran {

struct MetricDescription {
  const char* name;
  const char* type;    // gauge, counter, histogram
  const char* labels;  // with their values, for people
  const char* help;
};

const std::vector<MetricDescription>& metric_table();
// The description by name; the name must be in the table.
const MetricDescription& metric(const std::string& name);
// docs/metrics.md.
std::string metrics_markdown();

}  // namespace catamaran
