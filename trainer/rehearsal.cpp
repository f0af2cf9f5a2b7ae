#include "trainer/rehearsal.h"

#include <algorithm>
#include <string>

#include "support/log.h"
#include "support/text.h"
#include "trainer/backward_order.h"
#include "trainer/bucket_sizes.h"
#include "trainer/buffer_snapshot.h"
#include "trainer/parameter_arena.h"
#include "trainer/parameter_groups.h"

namespace catamaran {
namespace {

BackwardOrder rehearse(TrainerParts& parts, const Precision& precision, const Loss& loss,
                       ProcessGroup& group) {
  BufferSnapshot buffers(tensors_of(parts.buffers));
  const int64_t side = parts.options.model.input.size;
  // two, for batch norm over maps of one pixel; never more than a step of this rank takes
  const int64_t images = std::min<int64_t>(2, parts.batch.per_part);
  const auto step = [&] {
    torch::manual_seed(parts.options.seed);
    const auto on_device = torch::TensorOptions().device(parts.device);
    const torch::Tensor x_BCHW = torch::zeros({images, 3, side, side}, on_device);
    const torch::Tensor y_BL =
        torch::ones({images, std::ssize(parts.classes)}, on_device.dtype(torch::kInt8));
    loss(precision.forward(*parts.cat, x_BCHW), y_BL).sum.backward();
  };
  const BackwardOrder mine = record_backward(tensors_of(parts.parameters), step);
  buffers.restore();
  return agree_on(mine, group);
}

void warn_of_unused(const BackwardOrder& backward, const NamedTensors& parameters) {
  if (backward.unused == 0) return;
  std::string names;
  for (size_t i = backward.order.size() - backward.unused; i < backward.order.size(); ++i)
    names += (names.empty() ? "" : ", ") + parameters[backward.order[i]].first;
  log::warn(
      text("%zu parameter(s) get no gradient and change by weight decay alone: ", backward.unused) +
      names);
}

}  // namespace

ArenaLayout arena_layout(TrainerParts& parts, const Precision& precision, const Loss& loss,
                         ProcessGroup& group) {
  const BackwardOrder backward = rehearse(parts, precision, loss, group);
  if (group.is_root()) warn_of_unused(backward, parts.parameters);
  ArenaContents contents = contents_of(tensors_of(parts.parameters),
                                       group_numbers(parts.options.optimizer, parts.parameters));
  contents.order = backward.order;
  contents.unused = backward.unused;
  return lay_out(contents, bucket_sizes(parts.options.reducer));
}

}  // namespace catamaran
