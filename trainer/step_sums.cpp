#include "trainer/step_sums.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "support/hash.h"

namespace catamaran {
namespace {

// What is summed over the ranks, in the order in which it is sent.
constexpr std::array kSummed = {&StepSums::loss,
                                &StepSums::valid_labels,
                                &StepSums::images,
                                &StepSums::stop,
                                &StepSums::data_wait_seconds,
                                &StepSums::forward_seconds,
                                &StepSums::backward_seconds,
                                &StepSums::exchange_seconds,
                                &StepSums::unreadable,
                                &StepSums::undecodable,
                                &StepSums::all_reduce_seconds,
                                &StepSums::last_bucket_seconds,
                                &StepSums::exchange_digest,
                                &StepSums::exchange_digest_squared};
static_assert(sizeof(StepSums) ==
                  kSummed.size() * sizeof(double) + sizeof(StepSums::own_seconds_by_rank),
              "a number of StepSums is missing here");

}  // namespace

void StepSums::add(const LossSum& part, const Batch& host) {
  loss += part.sum.item<double>();
  valid_labels += part.count.item<double>();
  images += static_cast<double>(host.images);
  unreadable += static_cast<double>(host.unreadable);
  undecodable += static_cast<double>(host.undecodable);
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
  // Behind them a place for each rank: what all others add to it is 0.
  std::vector<double> values(kSummed.size() + static_cast<size_t>(group.world()));
  std::ranges::transform(kSummed, values.begin(),
                         [this](double StepSums::*field) { return this->*field; });
  values[kSummed.size() + static_cast<size_t>(group.rank())] = own_seconds();
  group.host().all_reduce(values.data(), static_cast<int64_t>(values.size()), DataType::kFloat64,
                          ReduceOp::kSum);
  StepSums sum;
  auto value = values.begin();
  for (double StepSums::*const field : kSummed) sum.*field = *value++;
  sum.own_seconds_by_rank.assign(value, values.end());
  return sum;
}

}  // namespace catamaran
