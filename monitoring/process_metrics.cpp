#include "monitoring/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "monitoring/metric_table.h"

namespace catamaran {
namespace {

using Values = std::map<std::string, double>;

std::optional<double> boot_unix_seconds() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return std::nullopt;
}

// Fields of /proc/self/stat after the name, which may hold spaces and brackets. Numbers: proc(5),
// where the state is field 3.
std::vector<double> stat_fields() {
  std::ifstream file("/proc/self/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t name_ends = text.rfind(')');
  if (name_ends == std::string::npos) return {};
  std::istringstream rest(text.substr(name_ends + 1));
  std::string state;
  rest >> state;
  std::vector<double> fields = {0, 0, 0, 0};  // so that fields[n] is field n of the manual
  for (double value = 0; rest >> value;) fields.push_back(value);
  return fields;
}

void add_stat(Values& values) {
  constexpr size_t kUserTicks = 14, kSystemTicks = 15, kThreads = 20, kStartTicks = 22,
                   kVirtualBytes = 23, kResidentPages = 24;
  const std::vector<double> fields = stat_fields();
  if (fields.size() <= kResidentPages) return;
  const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  values["process_cpu_seconds_total"] =
      (fields[kUserTicks] + fields[kSystemTicks]) / ticks_per_second;
  values["process_threads"] = fields[kThreads];
  values["process_virtual_memory_bytes"] = fields[kVirtualBytes];
  values["process_resident_memory_bytes"] =
      fields[kResidentPages] * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (const auto boot = boot_unix_seconds())
    values["process_start_time_seconds"] = *boot + fields[kStartTicks] / ticks_per_second;
}

void add_descriptors(Values& values) {
  std::error_code code;
  double open = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", code), end; !code && at != end;
       at.increment(code))
    ++open;
  if (!code && open > 0) values["process_open_fds"] = open - 1;  // one is the listing's own
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    values["process_max_fds"] = static_cast<double>(limit.rlim_cur);
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  Values values;
  add_stat(values);
  add_descriptors(values);
  std::vector<prometheus::MetricFamily> families;
  for (const MetricDescription& metric : process_metric_table()) {
    const auto value = values.find(metric.name);
    if (value == values.end()) continue;
    prometheus::MetricFamily family;
    family.name = metric.name;
    family.help = metric.help;
    prometheus::ClientMetric point;
    if (metric.type == MetricType::kCounter) {
      family.type = prometheus::MetricType::Counter;
      point.counter.value = value->second;
    } else {
      family.type = prometheus::MetricType::Gauge;
      point.gauge.value = value->second;
    }
    family.metric.push_back(point);
    families.push_back(family);
  }
  return families;
}

}  // namespace catamaran
