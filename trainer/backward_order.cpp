#include "trainer/backward_order.h"

#include <mutex>
#include <utility>

#include "trainer/gradient_hooks.h"

namespace catamaran {
BackwardOrder record_backward(std::vector<torch::Tensor> parameters,
                              const std::function<void()>& forward_and_backward) {
  const size_t count = parameters.size();
  std::mutex mutex;
  BackwardOrder result;
  {
    const GradientHooks hooks(std::move(parameters), [&](size_t p, const torch::Tensor&) {
      const std::lock_guard lock(mutex);
      result.order.push_back(p);
    });
    forward_and_backward();
  }
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
