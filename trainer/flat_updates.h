// Passes of the optimizers over ranges of a run's flat memories: on the host by the kernels of
// trainer/update_kernels.h, in chunks side by side in ATen's threads, on a GPU by ATen's kernels
// (trainer/device_updates.h). The one place that tells the two apart.
//
//   const FlatMemories memories{arena.values(), arena.gradients(), mean, square};
//   adamw_update(memories, segments, {.rate = rate, .gradient_factor = f, .t = 1});
//
// Chunks do not depend on the number of threads, so neither do the results. All tensors are flat
// fp32, of one length, on one device. Gradients may be overwritten. Only the thread that runs the
// step loop.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <vector>

#include "trainer/arena_layout.h"
#include "trainer/update_kernels.h"

namespace catamaran {

struct FlatMemories {
  torch::Tensor weights;
  torch::Tensor gradients;
  torch::Tensor first;   // velocity or mean
  torch::Tensor second;  // mean square; undefined for SGD and LARS
};
using Ranges = std::vector<ArenaRange>;

// Without momentum the velocity stays as it is.
void sgd_update(const FlatMemories& memories, const Ranges& ranges, const SgdStep& step);
void adamw_update(const FlatMemories& memories, const Ranges& ranges, const AdamStep& step);

// ratio(|w|, |u|) by which the update u of one tensor is multiplied; asked where both norms are
// above 0, else 1 is taken. On the host a tensor's second pass follows its first at once, while
// the caches hold it; on a GPU the norms of all ranges come to the host in one copy.
using TrustRatio = std::function<double(double, double)>;

// SGD whose update is u = gradient_factor g + decay w, times ratio. With norm_without_decay |u| is
// that of gradient_factor g alone. A range is one tensor.
struct LarsStep {
  SgdStep sgd;
  bool norm_without_decay = false;
  TrustRatio ratio;
};
void lars_update(const FlatMemories& memories, const Ranges& tensors, const LarsStep& step);
void lamb_update(const FlatMemories& memories, const Ranges& tensors, const AdamStep& step,
                 const TrustRatio& ratio);

// L2 norm of a flat tensor, as one number on the host.
double flat_norm(const torch::Tensor& flat);
// average += share (value - average)
void average_update(double share, const torch::Tensor& value, const torch::Tensor& average);

}  // namespace catamaran
