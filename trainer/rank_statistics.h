// Batch norm's sums over ranks, on a communicator of their own: in the backward pass buckets of
// gradients are on their way on theirs, and a sum that a layer waits for must not queue behind
// them.
//
//   cat->backbone().share_all_statistics(share_statistics(group, device));     // bn = "sync"
//
// The group must outlive what is returned. On a GPU every sum blocks the host until the device has
// done it, as Communicator::wait_all does. All ranks call it together. Only the thread that runs
// the step loop, and autograd's during backward. Errors: CommError.
#pragma once

#include <torch/torch.h>

#include "comm/process_group.h"
#include "model/sync_batch_norm.h"

namespace catamaran {

StatisticsExchangePtr share_statistics(const ProcessGroup& group, const torch::Device& device);

}  // namespace catamaran
