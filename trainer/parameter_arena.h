// ParameterArena: all trained weights in one flat fp32 tensor, their gradients in another of the
// same layout (trainer/arena_layout.h), so that buckets, optimizer and average work on a few long
// ranges instead of hundreds of tensors.
//
//   ParameterArena arena(tensors_of(parameters), layout, group.gradients(), device);
//   arena.values(), arena.gradients()       // flat, layout.elements long; gaps are zeros
//   arena.gradient(p)                       // shaped like parameter p, a view
//   torch::Tensor momentum = arena.zeros();             // flat state of the same layout
//   arena.views(momentum)[p].sizes() == parameter p's   // for checkpoints, by name
//
// The constructor moves the parameters' storage into the arena (the tensors stay the same objects;
// detached copies made before do not follow). Strides stay, channels-last weights keep their order
// in memory. Gradients lie in the communicator's own memory where it has some, so the exchange
// copies nothing; the communicator must outlive the arena. Collective: all ranks make it at the
// same time. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "comm/communicator.h"
#include "trainer/arena_layout.h"

namespace catamaran {

class ParameterArena {
 public:
  ParameterArena(std::vector<torch::Tensor> parameters, ArenaLayout layout,
                 Communicator& communicator, const torch::Device& device);
  ParameterArena(const ParameterArena&) = delete;
  ParameterArena& operator=(const ParameterArena&) = delete;

  const ArenaLayout& layout() const { return layout_; }
  const std::vector<torch::Tensor>& parameters() const { return parameters_; }
  const torch::Tensor& values() const { return values_; }
  const torch::Tensor& gradients() const { return gradients_; }
  const torch::Tensor& gradient(size_t parameter) const { return gradient_views_[parameter]; }
  const std::vector<torch::Tensor>& gradient_views() const { return gradient_views_; }

  torch::Tensor zeros() const;
  // Of a flat tensor of this layout: by parameter, sharing its memory.
  std::vector<torch::Tensor> views(const torch::Tensor& flat) const;

 private:
  std::vector<torch::Tensor> parameters_;
  ArenaLayout layout_;
  torch::Tensor values_;
  torch::Tensor gradients_;
  std::vector<torch::Tensor> gradient_views_;
};

// What lay_out wants of parameters and their groups, backward in the reverse order of the
// parameters; a rehearsal knows better (trainer/rehearsal.h).
ArenaContents contents_of(const std::vector<torch::Tensor>& parameters, std::vector<size_t> groups);

// Zeros in the communicator's own memory, which the tensor keeps alive. Collective.
torch::Tensor exchange_tensor(Communicator& communicator, int64_t elements, at::ScalarType type,
                              const torch::Device& device);

// A part of a flat tensor, sharing its memory.
inline torch::Tensor slice_of(const torch::Tensor& flat, const ArenaRange& range) {
  return flat.narrow(0, range.begin, range.elements());
}

}  // namespace catamaran
