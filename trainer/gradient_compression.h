// GradientCompression: gradients in two bytes on their way between ranks, with error feedback: what
// rounding takes from a gradient is kept and added to the next step's, so that over steps nothing
// is lost (Seide et al. 2014; Karimireddy et al. 2019).
//
//   GradientCompression compression("bf16", arena, communicator);
//   compression.start(bucket.range, communicator, stream);   // rounds; all-reduce of half as much
//   ... communicator.wait_all(stream) ...
//   compression.finish(bucket.range);                 // the sums, fp32, are in arena.gradients()
//
// bf16 has fp32's range; fp16 is finer and wants the loss scaled (trainer/loss_scaler.h). Sums are
// rounded to two bytes too, alike on all ranks. The kept errors belong to this rank and this run:
// they are not in checkpoints, so a resumed run begins without. One thread at a time.
#pragma once

#include <torch/torch.h>

#include <string>

#include "comm/communicator.h"
#include "trainer/parameter_arena.h"

namespace catamaran {

class GradientCompression {
 public:
  // type: "bf16" or "fp16". Collective, as the arena is.
  GradientCompression(const std::string& type, ParameterArena& arena, Communicator& communicator);

  void start(const ArenaRange& range, Communicator& communicator, void* stream);
  void finish(const ArenaRange& range);
  // Drops the kept errors: a step that was not finite must not reach the next one through them.
  void forget();
  // The next step's gradients are `factor` times as large: so are the errors that go with them.
  void scale_kept(double factor);

 private:
  DataType type_;
  torch::Tensor gradients_;  // the arena's
  torch::Tensor errors_;     // fp32, of the same layout
  torch::Tensor wire_;       // two bytes, of the same layout
};

}  // namespace catamaran
