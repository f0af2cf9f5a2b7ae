#include "monitoring/rank_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "monitoring/metric_table.h"
#include "support/assert.h"

namespace catamaran {
namespace {

using Families = std::vector<prometheus::MetricFamily>;
using Labels = std::vector<std::pair<const char*, std::string>>;

// In the order of rank_metric_table().
constexpr std::array<std::pair<const char*, double GpuFigures::*>, 6> kGpuSeries = {{
    {"catamaran_gpu_memory_used_bytes", &GpuFigures::memory_used_bytes},
    {"catamaran_gpu_memory_total_bytes", &GpuFigures::memory_total_bytes},
    {"catamaran_gpu_utilization_ratio", &GpuFigures::utilization_ratio},
    {"catamaran_gpu_temperature_celsius", &GpuFigures::temperature_celsius},
    {"catamaran_gpu_power_watts", &GpuFigures::power_watts},
    {"catamaran_gpu_ecc_errors_total", &GpuFigures::ecc_errors},
}};

// One metric, whose series are added one by one; it joins the page where it has any.
class Family {
 public:
  explicit Family(const char* name) {
    const auto& table = rank_metric_table();
    const auto metric = std::ranges::find(table, name, &MetricDescription::name);
    CATAMARAN_ASSERT(metric != table.end(), std::string("every series is in the table: ") + name);
    family_.name = metric->name;
    family_.help = metric->help;
    family_.type = metric->type == MetricType::kCounter ? prometheus::MetricType::Counter
                                                        : prometheus::MetricType::Gauge;
  }

  void add(const Labels& labels, double value) {
    prometheus::ClientMetric point;
    for (const auto& [label, text] : labels) point.label.push_back({label, text});
    if (family_.type == prometheus::MetricType::Counter) {
      point.counter.value = value;
    } else {
      point.gauge.value = value;
    }
    family_.metric.push_back(std::move(point));
  }
  // NaN is left out; without a value, `otherwise`.
  void add_stats(std::vector<double> values, double otherwise) {
    std::erase_if(values, [](double value) { return std::isnan(value); });
    if (values.empty()) values.push_back(otherwise);
    std::ranges::sort(values);
    add({{"stat", "min"}}, values.front());
    add({{"stat", "p50"}}, values[(values.size() - 1) / 2]);
    add({{"stat", "max"}}, values.back());
  }
  void add_ranks(const std::vector<double>& values) {
    for (size_t rank = 0; rank < values.size(); ++rank) {
      if (!std::isnan(values[rank])) add({{"rank", std::to_string(rank)}}, values[rank]);
    }
  }
  void join(Families& families) && {
    if (!family_.metric.empty()) families.push_back(std::move(family_));
  }

 private:
  prometheus::MetricFamily family_;
};

std::vector<double> values_of(const std::vector<GpuFigures>& figures, double GpuFigures::*number) {
  std::vector<double> values;
  values.reserve(figures.size());
  for (const GpuFigures& gpu : figures) values.push_back(gpu.*number);
  return values;
}

}  // namespace

RankMetrics::RankMetrics(int64_t world)
    : world_(static_cast<size_t>(std::max<int64_t>(1, world))),
      compute_(world_, 0.0),
      data_wait_(world_, 0.0) {}

void RankMetrics::set_seconds(const std::vector<double>& compute,
                              const std::vector<double>& data_wait) {
  const std::lock_guard lock(mutex_);
  if (compute.size() == world_) compute_ = compute;
  if (data_wait.size() == world_) data_wait_ = data_wait;
}

void RankMetrics::set_gpus(std::vector<GpuName> names) {
  const std::lock_guard lock(mutex_);
  gpus_ = std::move(names);
}

void RankMetrics::set_gpu_figures(std::vector<GpuFigures> figures) {
  const std::lock_guard lock(mutex_);
  gpu_figures_ = std::move(figures);
}

void RankMetrics::follow_heartbeats(std::function<std::vector<double>()> silences) {
  const std::lock_guard lock(mutex_);
  silences_ = std::move(silences);
}

std::vector<double> RankMetrics::silences() const {
  return silences_ ? silences_() : std::vector<double>();
}

std::optional<double> RankMetrics::longest_silence() const {
  const std::lock_guard lock(mutex_);
  if (!silences_) return std::nullopt;
  const std::vector<double> all = silences();
  return all.empty() ? 0 : *std::ranges::max_element(all);
}

Families RankMetrics::Collect() const {
  const std::lock_guard lock(mutex_);
  const bool by_rank = world_ <= static_cast<size_t>(kMostRanksShown);
  Families families;
  for (const auto& [name, values] : {std::pair("catamaran_rank_compute_seconds", &compute_),
                                     {"catamaran_rank_data_wait_seconds", &data_wait_}}) {
    Family family(name);
    family.add_stats(*values, 0);
    if (by_rank) family.add_ranks(*values);
    std::move(family).join(families);
  }
  Family ages("catamaran_watchdog_heartbeat_age_seconds");
  ages.add_stats(silences(), 0);
  std::move(ages).join(families);
  Family info("catamaran_gpu_info");
  for (size_t rank = 0; by_rank && rank < gpus_.size(); ++rank) {
    if (gpus_[rank].uuid.empty()) continue;
    info.add({{"rank", std::to_string(rank)},
              {"gpu_uuid", gpus_[rank].uuid},
              {"host", gpus_[rank].host}},
             1);
  }
  std::move(info).join(families);
  for (const auto& [name, number] : kGpuSeries) {
    const std::vector<double> values = values_of(gpu_figures_, number);
    if (std::ranges::all_of(values, [](double value) { return std::isnan(value); })) continue;
    Family family(name);
    if (by_rank) {
      family.add_ranks(values);
    } else {
      family.add_stats(values, 0);
    }
    std::move(family).join(families);
  }
  return families;
}

}  // namespace catamaran
