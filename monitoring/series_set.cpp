#include "monitoring/series_set.h"

#include <algorithm>

#include "support/assert.h"

namespace catamaran {
namespace {

std::string key_of(const std::string& name, const std::vector<std::string>& values) {
  std::string key = name;
  for (const std::string& value : values) key += '\n' + value;
  return key;
}

// Every combination of the labels' values; none for an info series, whose labels have no values.
std::vector<std::vector<std::string>> combinations(const std::vector<MetricLabel>& labels) {
  std::vector<std::vector<std::string>> all = {{}};
  for (const MetricLabel& label : labels) {
    if (label.beside) continue;
    std::vector<std::vector<std::string>> longer;
    for (const auto& start : all) {
      for (const std::string& value : label.values) {
        longer.push_back(start);
        longer.back().push_back(value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

template <typename T>
T& find_in(const std::map<std::string, T*>& series, const std::string& name,
           const std::vector<std::string>& values) {
  const auto found = series.find(key_of(name, values));
  CATAMARAN_ASSERT(found != series.end(), "every series is in the table: " + key_of(name, values));
  return *found->second;
}

}  // namespace

SeriesSet::SeriesSet(const std::vector<MetricDescription>& table, prometheus::Registry& registry)
    : table_(table), registry_(registry) {
  for (const MetricDescription& metric : table_) {
    for (const auto& values : combinations(metric.labels)) add(metric, values);
  }
}

void SeriesSet::add(const MetricDescription& metric, const std::vector<std::string>& values) {
  prometheus::Labels labels;
  for (size_t l = 0; l < values.size(); ++l) labels[metric.labels[l].name] = values[l];
  const auto family = [&](auto builder) -> auto& {
    return builder.Name(metric.name).Help(metric.help).Register(registry_);
  };
  const std::string key = key_of(metric.name, values);
  switch (metric.type) {
    case MetricType::kGauge:
      gauges_[key] = &family(prometheus::BuildGauge()).Add(labels);
      break;
    case MetricType::kCounter:
      counters_[key] = &family(prometheus::BuildCounter()).Add(labels);
      break;
    case MetricType::kHistogram:
      histograms_[key] = &family(prometheus::BuildHistogram()).Add(labels, metric.buckets);
      break;
  }
}

prometheus::Gauge& SeriesSet::gauge(const std::string& name,
                                    const std::vector<std::string>& values) {
  return find_in(gauges_, name, values);
}

prometheus::Counter& SeriesSet::counter(const std::string& name,
                                        const std::vector<std::string>& values) {
  return find_in(counters_, name, values);
}

prometheus::Histogram& SeriesSet::histogram(const std::string& name,
                                            const std::vector<std::string>& values) {
  return find_in(histograms_, name, values);
}

const MetricDescription& SeriesSet::description(const std::string& name,
                                                const std::vector<std::string>& values) const {
  const auto metric = std::ranges::find(table_, name, &MetricDescription::name);
  CATAMARAN_ASSERT(metric != table_.end() && metric->labels.size() == values.size(),
                   "a series has the labels of the table: " + name);
  return *metric;
}

void SeriesSet::set_info(const std::string& name, const std::vector<std::string>& values) {
  add(description(name, values), values);
  gauge(name, values).Set(1);
}

void SeriesSet::add_beside(const std::string& name, const std::vector<std::string>& values) {
  add(description(name, values), values);
}

}  // namespace catamaran
