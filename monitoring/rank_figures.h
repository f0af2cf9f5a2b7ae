// RankFigures: what a rank tells rank 0 of itself now and then, in plain numbers: its loader's and
// its log's totals, and how its GPU is. trainer/figures_exchange.h brings those of all ranks
// together, monitoring/metrics.h shows them.
//
// Totals are of the process, so they never fall. NaN: not known.
#pragma once

#include <limits>
#include <string>

namespace catamaran {

struct GpuFigures {
  double memory_used_bytes = std::numeric_limits<double>::quiet_NaN();
  double memory_total_bytes = std::numeric_limits<double>::quiet_NaN();
  double utilization_ratio = std::numeric_limits<double>::quiet_NaN();
  double temperature_celsius = std::numeric_limits<double>::quiet_NaN();
  double power_watts = std::numeric_limits<double>::quiet_NaN();
  double ecc_errors = std::numeric_limits<double>::quiet_NaN();  // total, corrected or not
};

struct RankFigures {
  double read_bytes = 0;
  double decode_seconds = 0;
  double cache_hits = 0;
  double ready_batches = 0;  // right now
  double log_warnings = 0;
  double log_errors = 0;
  GpuFigures gpu;
};

// Which GPU a rank computes on, as NVML and DCGM name it; empty uuid: none that NVML knows.
struct GpuName {
  std::string uuid;
  std::string host;
};

}  // namespace catamaran
