#include "trainer/gradient_reducer.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <memory>

#include "support/assert.h"
#include "trainer/device.h"

namespace catamaran {

class GradientReducer::Hook : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(GradientReducer& reducer, size_t parameter) : reducer_(reducer), parameter_(parameter) {}
  void operator()(const torch::autograd::Variable&) override {
    reducer_.gradient_ready(parameter_);
  }

 private:
  GradientReducer& reducer_;
  size_t parameter_;
};

GradientReducer::GradientReducer(std::vector<torch::Tensor> parameters, Communicator& communicator,
                                 const ReducerOptions& options, const torch::Device& device)
    : parameters_(std::move(parameters)), communicator_(communicator), device_(device) {
  make_buckets(options, device);
  for (size_t p = 0; p < parameters_.size(); ++p) {
    torch::autograd::impl::set_post_acc_grad_hooks(parameters_[p],
                                                   std::make_unique<Hook>(*this, p));
  }
}

GradientReducer::~GradientReducer() {
  for (torch::Tensor& parameter : parameters_)
    torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
}

void GradientReducer::make_buckets(const ReducerOptions& options, const torch::Device& device) {
  int64_t room = 0;
  for (size_t p = parameters_.size(); p-- > 0;) {
    const int64_t bytes = parameters_[p].numel() * static_cast<int64_t>(sizeof(float));
    if (buckets_.empty() || bytes > room) {
      room = buckets_.empty() ? options.first_bucket_bytes : options.bucket_bytes;
      buckets_.emplace_back();
    }
    buckets_.back().parameters.push_back(p);
    room -= bytes;
  }
  gradients_.resize(parameters_.size());
  bucket_of_.resize(parameters_.size());
  filled_.assign(parameters_.size(), 0);
  arrived_.assign(parameters_.size(), 0);
  for (size_t b = 0; b < buckets_.size(); ++b) {
    int64_t elements = 0;
    for (const size_t p : buckets_[b].parameters) elements += parameters_[p].numel();
    flat_.push_back(
        torch::zeros({elements}, torch::TensorOptions().dtype(torch::kFloat32).device(device)));
    int64_t at = 0;
    for (const size_t p : buckets_[b].parameters) {
      const torch::Tensor& parameter = parameters_[p];
      CATAMARAN_ASSERT(parameter.is_non_overlapping_and_dense(),
                       "weights are dense, contiguous or channels-last");
      // Same strides as the parameter (channels-last weights), so the optimizer walks both in
      // memory order.
      gradients_[p] = flat_[b].as_strided(parameter.sizes(), parameter.strides(), at);
      bucket_of_[p] = b;
      at += parameter.numel();
    }
  }
}

void GradientReducer::begin_part(bool first_part, bool last_part) {
  first_part_ = first_part;
  last_part_ = last_part;
  next_bucket_ = 0;
  std::fill(arrived_.begin(), arrived_.end(), 0);
  if (first_part) std::fill(filled_.begin(), filled_.end(), 0);
  for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters.size();
}

void GradientReducer::gradient_ready(size_t parameter) {
  const std::lock_guard lock(mutex_);
  const torch::NoGradGuard no_grad;
  torch::Tensor& made = parameters_[parameter].mutable_grad();
  if (filled_[parameter]) {
    gradients_[parameter].add_(made);
  } else {
    gradients_[parameter].copy_(made);
    filled_[parameter] = 1;
  }
  made.reset();
  CATAMARAN_ASSERT(!arrived_[parameter], "autograd accumulates a leaf once per backward");
  arrived_[parameter] = 1;
  --buckets_[bucket_of_[parameter]].missing;
  if (!last_part_) return;
  start_full_buckets();
  communicator_.progress();
}

void GradientReducer::start_full_buckets() {
  while (next_bucket_ < buckets_.size() && buckets_[next_bucket_].missing == 0) {
    torch::Tensor& flat = flat_[next_bucket_++];
    communicator_.start_all_reduce(flat.data_ptr<float>(), flat.numel(), DataType::kFloat32,
                                   ReduceOp::kSum, current_stream(device_));
  }
}

void GradientReducer::finish() {
  CATAMARAN_ASSERT(last_part_, "finish follows the last micro-batch");
  {
    const std::lock_guard lock(mutex_);
    for (size_t p = 0; p < parameters_.size(); ++p) {
      if (!filled_[p]) gradients_[p].zero_();
    }
    for (Bucket& bucket : buckets_) bucket.missing = 0;
    start_full_buckets();
  }
  communicator_.wait_all(current_stream(device_));
}

int64_t GradientReducer::exchanged_bytes() const {
  int64_t elements = 0;
  for (const torch::Tensor& flat : flat_) elements += flat.numel();
  return communicator_.world() > 1 ? elements * static_cast<int64_t>(sizeof(float)) : 0;
}

}  // namespace catamaran
