#include "trainer/figures_exchange.h"

#include <array>
#include <cstddef>

namespace catamaran {
namespace {

// In the order in which they are sent.
constexpr std::array kOwn = {&RankFigures::read_bytes,   &RankFigures::decode_seconds,
                             &RankFigures::cache_hits,   &RankFigures::ready_batches,
                             &RankFigures::log_warnings, &RankFigures::log_errors};
constexpr std::array kGpu = {&GpuFigures::memory_used_bytes, &GpuFigures::memory_total_bytes,
                             &GpuFigures::utilization_ratio, &GpuFigures::temperature_celsius,
                             &GpuFigures::power_watts,       &GpuFigures::ecc_errors};
constexpr size_t kNumbers = kOwn.size() + kGpu.size();
static_assert(sizeof(RankFigures) == kNumbers * sizeof(double), "a number is missing here");

}  // namespace

std::vector<RankFigures> share_figures(const RankFigures& mine, ProcessGroup& group) {
  // A place for each rank: what all others add to it is 0, and what is NaN stays it.
  std::vector<double> values(kNumbers * static_cast<size_t>(group.world()));
  auto place = values.begin() + static_cast<std::ptrdiff_t>(kNumbers) * group.rank();
  for (double RankFigures::*const number : kOwn) *place++ = mine.*number;
  for (double GpuFigures::*const number : kGpu) *place++ = mine.gpu.*number;
  group.host().all_reduce(values.data(), static_cast<int64_t>(values.size()), DataType::kFloat64,
                          ReduceOp::kSum);
  std::vector<RankFigures> ranks(static_cast<size_t>(group.world()));
  auto value = values.begin();
  for (RankFigures& rank : ranks) {
    for (double RankFigures::*const number : kOwn) rank.*number = *value++;
    for (double GpuFigures::*const number : kGpu) rank.gpu.*number = *value++;
  }
  return ranks;
}

}  // namespace catamaran
