#include "trainer/gradient_reducer.h"

#include <algorithm>
#include <memory>

#include "support/assert.h"
#include "support/clock.h"
#include "trainer/device.h"

namespace catamaran {

GradientReducer::GradientReducer(ParameterArena& arena, Communicator& communicator,
                                 const ReducerOptions& options, const torch::Device& device)
    : arena_(arena),
      communicator_(communicator),
      device_(device),
      hooks_(arena.parameters(),
             [this](size_t p, const torch::Tensor& made) { gradient_ready(p, made); }) {
  if (options.compression != "none" && communicator.world() > 1) {
    compression_ =
        std::make_unique<GradientCompression>(options.compression, arena_, communicator_);
  }
  const std::vector<torch::Tensor>& parameters = arena_.parameters();
  const std::vector<ArenaBucket>& buckets = arena_.layout().buckets;
  bucket_of_.resize(parameters.size());
  filled_.assign(parameters.size(), 0);
  arrived_.assign(parameters.size(), 0);
  missing_.assign(buckets.size(), 0);
  for (size_t b = 0; b < buckets.size(); ++b) {
    for (const size_t p : buckets[b].parameters) bucket_of_[p] = b;
  }
}

void GradientReducer::begin_part(bool first_part, bool last_part) {
  last_part_ = last_part;
  next_bucket_ = 0;
  std::fill(arrived_.begin(), arrived_.end(), 0);
  if (first_part) {
    std::fill(filled_.begin(), filled_.end(), 0);
    exchanged_.clear();
    communicator_.take_finished();  // what others exchanged since is none of this step's
  }
  const std::vector<ArenaBucket>& buckets = arena_.layout().buckets;
  // What never gets a gradient is never full: finish() starts it.
  for (size_t b = 0; b < buckets.size(); ++b)
    missing_[b] = buckets[b].parameters.size() + (buckets[b].used ? 0 : 1);
}

void GradientReducer::gradient_ready(size_t parameter, const torch::Tensor& made) {
  const std::lock_guard lock(mutex_);
  const torch::Tensor& place = arena_.gradient(parameter);
  if (filled_[parameter]) {
    place.add_(made);
  } else {
    place.copy_(made);
    filled_[parameter] = 1;
  }
  CATAMARAN_ASSERT(!arrived_[parameter], "autograd accumulates a leaf once per backward");
  arrived_[parameter] = 1;
  --missing_[bucket_of_[parameter]];
  if (!last_part_) return;
  start_full_buckets();
  communicator_.progress();
}

void GradientReducer::start_full_buckets() {
  while (next_bucket_ < missing_.size() && missing_[next_bucket_] == 0)
    start_bucket(next_bucket_++);
}

void GradientReducer::start_bucket(size_t bucket) {
  const std::vector<ArenaBucket>& buckets = arena_.layout().buckets;
  ArenaRange range = buckets[bucket].range;
  if (fault_ != ExchangeFault::kNone && bucket == 0) {
    if (fault_ != ExchangeFault::kCut) return;
    --range.end;
  }
  start(range);
  if (fault_ == ExchangeFault::kSwap && bucket == 1) start(buckets[0].range);
}

void GradientReducer::start(const ArenaRange& range) {
  exchanged_.push_back(range);
  void* const stream = current_stream(device_);
  if (compression_) {
    compression_->start(range, communicator_, stream);
  } else {
    communicator_.start_all_reduce(arena_.gradients().data_ptr<float>() + range.begin,
                                   range.elements(), DataType::kFloat32, ReduceOp::kSum, stream);
  }
}

void GradientReducer::finish() {
  CATAMARAN_ASSERT(last_part_, "finish follows the last micro-batch");
  const double backward_end = steady_seconds();
  const torch::NoGradGuard no_grad;
  {
    const std::lock_guard lock(mutex_);
    for (size_t p = 0; p < filled_.size(); ++p) {
      if (!filled_[p]) arena_.gradient(p).zero_();
    }
    std::fill(missing_.begin(), missing_.end(), 0);
    start_full_buckets();
  }
  communicator_.wait_all(current_stream(device_));
  if (compression_) {
    for (const ArenaBucket& bucket : arena_.layout().buckets) compression_->finish(bucket.range);
  }
  measure(backward_end);
}

void GradientReducer::forget_step() {
  if (compression_) compression_->forget();
}

void GradientReducer::rescale_next_step(double factor) {
  if (compression_ && factor != 1) compression_->scale_kept(factor);
}

// All-reduces run one after the other or side by side: what counts is when at least one did.
void GradientReducer::measure(double backward_end) {
  times_ = {};
  double seen = 0;
  operations_ = communicator_.take_finished();
  for (const FinishedOperation& operation : operations_) {
    const double start = std::max(seen, operation.start_seconds);
    const double end = std::max(start, operation.end_seconds);
    times_.seconds += end - start;
    times_.last_bucket_seconds = std::max(0.0, end - std::max(start, backward_end));
    times_.exposed_seconds += times_.last_bucket_seconds;
    seen = end;
  }
}

int64_t GradientReducer::exchanged_bytes() const {
  if (communicator_.world() == 1) return 0;
  return arena_.layout().elements * (compression_ ? 2 : int64_t{sizeof(float)});
}

}  // namespace catamaran
