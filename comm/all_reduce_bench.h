// Measures all-reduces of fp32 sums by size, as nccl-tests do, and fits latency and bandwidth.
//
//   const AllReduceBench bench = bench_all_reduce(group, {.bytes = {1 << 20}, .rounds = 5});
//   bench.rows[0].seconds, bench.fit.bandwidth_bytes_per_second
//
// Operands lie in memory of the communicator's allocate(). Of each size: a sum of small integers,
// whose every element is compared with the exact one; then so many sums in a row as take about
// 50 ms, `rounds` times. Seconds are those of one all-reduce, from start to wait, on the slowest
// rank; the median of the rounds. Collective: all ranks call it with the same options and get the
// same numbers. Errors: CommError. Only the thread that runs the step loop.
// Source: bus bandwidth, github.com/NVIDIA/nccl-tests, doc/PERFORMANCE.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/process_group.h"

namespace catamaran {

struct AllReduceBenchOptions {
  std::vector<int64_t> bytes = {};  // sizes; multiples of 4
  int64_t rounds = 5;
};

struct AllReduceRow {
  int64_t bytes = 0;
  double seconds = 0;
  int64_t wrong = 0;  // elements, on all ranks together

  int64_t count() const { return bytes / 4; }
  double algorithm_bandwidth() const {
    return seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
  }
  // What a rank has to send and receive at the least: independent of how many ranks there are.
  double bus_bandwidth(int world) const { return algorithm_bandwidth() * 2 * (world - 1) / world; }
};

// seconds = latency + bytes / bandwidth, least squares of the relative errors (so that small sizes
// count as much as large ones). Both are 0 where there is too little to fit: fewer than two sizes.
struct AllReduceFit {
  double latency_seconds = 0;
  double bandwidth_bytes_per_second = 0;  // of the algorithm
};
AllReduceFit fit_all_reduce(std::span<const AllReduceRow> rows);

struct AllReduceBench {
  std::vector<AllReduceRow> rows;
  AllReduceFit fit;
};
AllReduceBench bench_all_reduce(ProcessGroup& group, const AllReduceBenchOptions& options);

}  // namespace catamaran
