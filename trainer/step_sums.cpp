#include "trainer/step_sums.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "support/assert.h"
#include "support/hash.h"

namespace catamaran {
namespace {

// What is summed over the ranks, in the order in which it is sent.
constexpr std::array kSummed = {&StepSums::loss,
                                &StepSums::valid_labels,
                                &StepSums::images,
                                &StepSums::stop,
                                &StepSums::wants_figures,
                                &StepSums::data_wait_seconds,
                                &StepSums::to_device_seconds,
                                &StepSums::forward_seconds,
                                &StepSums::backward_seconds,
                                &StepSums::exchange_seconds,
                                &StepSums::bad_checksums,
                                &StepSums::truncated,
                                &StepSums::bad_formats,
                                &StepSums::bad_sizes,
                                &StepSums::unreadable,
                                &StepSums::first_head_loss,
                                &StepSums::second_head_loss,
                                &StepSums::third_head_loss,
                                &StepSums::all_reduce_seconds,
                                &StepSums::last_bucket_seconds,
                                &StepSums::before_sums_seconds,
                                &StepSums::exchange_digest,
                                &StepSums::exchange_digest_squared};
static_assert(sizeof(StepSums) == kSummed.size() * sizeof(double) +
                                      sizeof(StepSums::own_seconds_by_rank) +
                                      sizeof(StepSums::data_wait_seconds_by_rank),
              "a number of StepSums is missing here");

// In the order of SampleFault.
constexpr std::array kFaultSums = {&StepSums::bad_checksums, &StepSums::truncated,
                                   &StepSums::bad_formats, &StepSums::bad_sizes,
                                   &StepSums::unreadable};
static_assert(kFaultSums.size() == kSampleFaults, "each fault is counted");

constexpr std::array kHeadLosses = {&StepSums::first_head_loss, &StepSums::second_head_loss,
                                    &StepSums::third_head_loss};

}  // namespace

void StepSums::add(const LossSum& part, const Batch& host) {
  loss += part.sum.item<double>();
  valid_labels += part.count.item<double>();
  images += static_cast<double>(host.images);
  for (size_t fault = 0; fault < kFaultSums.size(); ++fault)
    this->*kFaultSums[fault] += static_cast<double>(host.faults[fault]);
  CATAMARAN_ASSERT(part.heads.size() <= kHeadLosses.size(), "the model has three heads at most");
  for (size_t head = 0; head < part.heads.size(); ++head)
    this->*kHeadLosses[head] += part.heads[head].item<double>();
}

FaultCounts StepSums::faults() const {
  FaultCounts counts{};
  for (size_t fault = 0; fault < kFaultSums.size(); ++fault)
    counts[fault] = static_cast<int64_t>(this->*kFaultSums[fault]);
  return counts;
}

std::vector<double> StepSums::mean_head_losses(size_t heads) const {
  std::vector<double> losses;
  for (size_t head = 0; head < heads; ++head)
    losses.push_back(valid_labels > 0 ? this->*kHeadLosses[head] / valid_labels : 0);
  return losses;
}

void StepSums::add(const ExchangeTimes& exchange) {
  all_reduce_seconds += exchange.seconds;
  last_bucket_seconds += exchange.last_bucket_seconds;
}

void StepSums::add(const std::vector<ArenaRange>& exchanged) {
  constexpr uint64_t kBits = 0xffff;  // squares of sums over 65,536 ranks fit into 64 bits
  exchange_digest =
      static_cast<double>(xxh3(exchanged.data(), exchanged.size() * sizeof(ArenaRange)) & kBits);
  exchange_digest_squared = exchange_digest * exchange_digest;
}

bool StepSums::exchanged_alike(int world) const {
  const auto sum = static_cast<uint64_t>(exchange_digest);
  return sum * sum == static_cast<uint64_t>(world) * static_cast<uint64_t>(exchange_digest_squared);
}

StepSums StepSums::over_all_ranks(ProcessGroup& group) const {
  // Behind them two places for each rank: what all others add to them is 0.
  const auto world = static_cast<size_t>(group.world());
  std::vector<double> values(kSummed.size() + 2 * world);
  std::ranges::transform(kSummed, values.begin(),
                         [this](double StepSums::*field) { return this->*field; });
  const size_t mine = kSummed.size() + static_cast<size_t>(group.rank());
  values[mine] = own_seconds();
  values[mine + world] = data_wait_seconds;
  group.host().all_reduce(values.data(), static_cast<int64_t>(values.size()), DataType::kFloat64,
                          ReduceOp::kSum);
  StepSums sum;
  auto value = values.begin();
  for (double StepSums::*const field : kSummed) sum.*field = *value++;
  const auto waits = value + static_cast<std::ptrdiff_t>(world);
  sum.own_seconds_by_rank.assign(value, waits);
  sum.data_wait_seconds_by_rank.assign(waits, values.end());
  return sum;
}

}  // namespace catamaran
