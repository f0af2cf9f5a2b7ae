// A run's metrics, a step of it, and what its page says.
#pragma once

#include <cstdint>
#include <optional>
#include <sstream>
#include <string>

#include "monitoring/metrics.h"

namespace catamaran {

inline RunInfo run_info() {
  RunInfo info;
  info.version = "0.1.0";
  info.run = "voc \"07\"";
  info.dataset = "VOC2007";
  info.world_size = 4;
  info.global_batch = 64;
  info.total_steps = 100;
  return info;
}

inline StepReport step_report(int64_t step) {
  StepReport report;
  report.step = step;
  report.epoch = 2;
  report.loss = 0.25;
  report.learning_rate = 0.01;
  report.gradient_norm = 1.5;
  report.images = 64;
  report.step_seconds = 0.5;
  report.data_wait_seconds = 0.01;
  report.to_device_seconds = 0.005;
  report.forward_seconds = 0.125;
  report.backward_seconds = 0.25;
  report.exchange_exposed_seconds = 0.03125;
  report.all_reduce_seconds = 0.0625;
  report.optimizer_seconds = 0.0625;
  report.sums_seconds = 0.0001;
  report.sums_wait_seconds = 0.0078125;
  report.exchanged_bytes = 1000;
  report.alpha = 0.5;
  return report;
}

// The value of a series as it is written, "name" or "name{label=\"value\"}".
inline std::optional<double> value_in(const std::string& page, const std::string& series) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(series + " ", 0) == 0) return std::stod(line.substr(series.size() + 1));
  }
  return std::nullopt;
}
inline std::optional<double> value_of(const Metrics& metrics, const std::string& series) {
  return value_in(metrics.text(), series);
}

inline double sum_of_phases(const Metrics& metrics) {
  double sum = 0;
  std::istringstream lines(metrics.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("catamaran_phase_seconds_total{", 0) == 0)
      sum += std::stod(line.substr(line.rfind(' ')));
  }
  return sum;
}

}  // namespace catamaran
