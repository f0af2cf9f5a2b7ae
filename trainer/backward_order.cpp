#include "trainer/backward_order.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

namespace catamaran {
namespace {

// Backward may run hooks in several threads (one a device).
struct Finished {
  std::mutex mutex;
  std::vector<size_t> order;
};

class RecordingHook : public torch::autograd::PostAccumulateGradHook {
 public:
  RecordingHook(Finished& finished, size_t parameter)
      : finished_(finished), parameter_(parameter) {}
  void operator()(const torch::autograd::Variable& parameter) override {
    const std::lock_guard lock(finished_.mutex);
    finished_.order.push_back(parameter_);
    torch::Tensor same = parameter;
    same.mutable_grad().reset();
  }

 private:
  Finished& finished_;
  size_t parameter_;
};

class RecordingHooks {
 public:
  RecordingHooks(std::vector<torch::Tensor> parameters, Finished& finished)
      : parameters_(std::move(parameters)) {
    for (size_t p = 0; p < parameters_.size(); ++p) {
      torch::autograd::impl::set_post_acc_grad_hooks(parameters_[p],
                                                     std::make_unique<RecordingHook>(finished, p));
    }
  }
  RecordingHooks(const RecordingHooks&) = delete;
  RecordingHooks& operator=(const RecordingHooks&) = delete;
  ~RecordingHooks() {
    for (torch::Tensor& parameter : parameters_)
      torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
  }

 private:
  std::vector<torch::Tensor> parameters_;
};

}  // namespace

BackwardOrder record_backward(std::vector<torch::Tensor> parameters,
                              const std::function<void()>& forward_and_backward) {
  const size_t count = parameters.size();
  Finished finished;
  {
    const RecordingHooks hooks(std::move(parameters), finished);
    forward_and_backward();
  }
  BackwardOrder result{.order = std::move(finished.order), .unused = 0};
  std::vector<char> seen(count, 0);
  for (const size_t p : result.order) seen[p] = 1;
  for (size_t p = 0; p < count; ++p) {
    if (seen[p] != 0) continue;
    result.order.push_back(p);
    ++result.unused;
  }
  return result;
}

BackwardOrder agree_on(const BackwardOrder& mine, ProcessGroup& group) {
  std::vector<uint64_t> numbers(mine.order.begin(), mine.order.end());
  numbers.push_back(mine.unused);
  group.host().broadcast(numbers.data(), std::ssize(numbers) * int64_t{sizeof(uint64_t)}, 0,
                         nullptr);
  BackwardOrder agreed{.order = {numbers.begin(), numbers.end() - 1}, .unused = numbers.back()};
  return agreed;
}

}  // namespace catamaran
