// BackwardOrder: in which order backward finishes the gradients of a model's parameters, and which
// of them never get one. Buckets that follow this order are full, and on their way, as early as
// they can be.
//
//   BackwardOrder order = record_backward(parameters, [&] { loss(forward(x)).backward(); });
//   order = agree_on(order, group);      // rank 0's, everywhere
//
// A rehearsal before the first step, rather than a look at the first step itself: so the layout of
// the exchange, which decides the order of sums, is that of every step, also after a resume. The
// gradients that it makes are dropped. The order depends on the model alone, not on values.
// The parameters must have no post-accumulate hooks. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <vector>

#include "comm/process_group.h"

namespace catamaran {

struct BackwardOrder {
  std::vector<size_t> order;  // a permutation of the parameters' numbers, `unused` ones last
  size_t unused = 0;
};

BackwardOrder record_backward(std::vector<torch::Tensor> parameters,
                              const std::function<void()>& forward_and_backward);
BackwardOrder agree_on(const BackwardOrder& mine, ProcessGroup& group);

}  // namespace catamaran
