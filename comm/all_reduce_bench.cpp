#include "comm/all_reduce_bench.h"

#include <algorithm>
#include <cmath>

#include "support/clock.h"

namespace catamaran {
namespace {

constexpr double kRoundSeconds = 0.05;
constexpr int64_t kMostRepeats = 2000;
constexpr int64_t kSize = sizeof(float);

// Small integers: every order of addition gives the same sum. They recur, so that what is expected
// is soon told, on any number of ranks.
constexpr int64_t kPeriod = 1000;
float value(int64_t element, int rank) {
  return static_cast<float>((element * 7 + int64_t{rank} * 3) % kPeriod);
}

double largest_of_all_ranks(ProcessGroup& group, double mine) {
  group.host().all_reduce(&mine, 1, DataType::kFloat64, ReduceOp::kMax);
  return mine;
}

int64_t sum_of_all_ranks(ProcessGroup& group, int64_t mine) {
  group.host().all_reduce(&mine, 1, DataType::kInt64, ReduceOp::kSum);
  return mine;
}

// One size after the other in the same memory.
class SizeBench {
 public:
  SizeBench(ProcessGroup& group, int64_t most_bytes)
      : group_(group),
        memory_(group.gradients().allocate(most_bytes)),
        values_(static_cast<size_t>(most_bytes / kSize)) {}

  int64_t wrong_elements(int64_t count) {
    std::vector<float> expected(kPeriod);
    for (int64_t i = 0; i < kPeriod; ++i) {
      for (int r = 0; r < group_.world(); ++r) expected[static_cast<size_t>(i)] += value(i, r);
    }
    for (int64_t i = 0; i < count; ++i) at(i) = value(i, group_.rank());
    memory_->write(0, values_.data(), count * kSize);
    sum(count);
    memory_->read(0, values_.data(), count * kSize);
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; ++i)
      wrong += at(i) != expected[static_cast<size_t>(i % kPeriod)] ? 1 : 0;
    return sum_of_all_ranks(group_, wrong);
  }

  double median_seconds(int64_t count, int64_t rounds) {
    std::fill_n(values_.begin(), count, 0.0F);  // stay what they are, however often they are summed
    memory_->write(0, values_.data(), count * kSize);
    const double first = seconds_of(count, 1);
    const int64_t repeats = std::clamp(static_cast<int64_t>(kRoundSeconds / std::max(first, 1e-9)),
                                       int64_t{1}, kMostRepeats);
    seconds_of(count, std::min<int64_t>(repeats, 10));  // warm
    std::vector<double> seconds;
    for (int64_t round = 0; round < rounds; ++round) seconds.push_back(seconds_of(count, repeats));
    std::ranges::sort(seconds);
    const size_t half = seconds.size() / 2;
    return seconds.size() % 2 == 1 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
  }

 private:
  float& at(int64_t element) { return values_[static_cast<size_t>(element)]; }
  void sum(int64_t count) {
    group_.gradients().all_reduce(memory_->data(), count, DataType::kFloat32, ReduceOp::kSum);
  }
  // Of one sum; the same number on all ranks.
  double seconds_of(int64_t count, int64_t repeats) {
    group_.barrier();
    const Stopwatch watch;
    for (int64_t i = 0; i < repeats; ++i) sum(count);
    return largest_of_all_ranks(group_, watch.seconds() / static_cast<double>(repeats));
  }

  ProcessGroup& group_;
  std::unique_ptr<ExchangeMemory> memory_;
  std::vector<float> values_;
};

}  // namespace

AllReduceFit fit_all_reduce(std::span<const AllReduceRow> rows) {
  // Minimises sum(((latency + slope x bytes) / seconds - 1)^2).
  double s0 = 0;
  double s1 = 0;
  double s2 = 0;
  double t0 = 0;
  double t1 = 0;
  for (const AllReduceRow& row : rows) {
    if (row.seconds <= 0) continue;
    const double weight = 1 / (row.seconds * row.seconds);
    const auto bytes = static_cast<double>(row.bytes);
    s0 += weight;
    s1 += weight * bytes;
    s2 += weight * bytes * bytes;
    t0 += weight * row.seconds;
    t1 += weight * row.seconds * bytes;
  }
  const double determinant = s0 * s2 - s1 * s1;
  if (!(determinant > 1e-12 * s0 * s2)) return {};
  double latency = (t0 * s2 - t1 * s1) / determinant;
  double slope = (s0 * t1 - s1 * t0) / determinant;
  if (latency < 0) {
    latency = 0;
    slope = t1 / s2;
  }
  if (slope <= 0) return {};
  return {latency, 1 / slope};
}

AllReduceBench bench_all_reduce(ProcessGroup& group, const AllReduceBenchOptions& options) {
  AllReduceBench bench;
  if (options.bytes.empty()) return bench;
  SizeBench measured(group, *std::ranges::max_element(options.bytes));
  for (const int64_t bytes : options.bytes) {
    AllReduceRow row;
    row.bytes = bytes;
    row.wrong = measured.wrong_elements(row.count());
    row.seconds = measured.median_seconds(row.count(), options.rounds);
    bench.rows.push_back(row);
  }
  bench.fit = fit_all_reduce(bench.rows);
  return bench;
}

}  // namespace catamaran
