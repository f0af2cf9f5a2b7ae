#include "trainer/step_sums.h"

#include <array>

namespace catamaran {

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

StepSums StepSums::over_all_ranks(ProcessGroup& group) const {
  std::array<double, 12> values = {loss,
                                   valid_labels,
                                   images,
                                   stop,
                                   data_wait_seconds,
                                   forward_seconds,
                                   backward_seconds,
                                   exchange_seconds,
                                   unreadable,
                                   undecodable,
                                   all_reduce_seconds,
                                   last_bucket_seconds};
  group.host().all_reduce(values.data(), static_cast<int64_t>(values.size()), DataType::kFloat64,
                          ReduceOp::kSum);
  StepSums sum;
  sum.loss = values[0];
  sum.valid_labels = values[1];
  sum.images = values[2];
  sum.stop = values[3];
  sum.data_wait_seconds = values[4];
  sum.forward_seconds = values[5];
  sum.backward_seconds = values[6];
  sum.exchange_seconds = values[7];
  sum.unreadable = values[8];
  sum.undecodable = values[9];
  sum.all_reduce_seconds = values[10];
  sum.last_bucket_seconds = values[11];
  return sum;
}

}  // namespace catamaran
