// What is said when ranks have exchanged different gradients: a bucket that one left out, took
// before another, or cut otherwise. A communicator that compares operations (comm/node_exchange.h)
// finds it by itself; others pair whatever has the same size, and all ranks alike would go on with
// wrong sums. The step's own sums carry a digest (trainer/step_sums.h), so nothing more is sent.
//
//   if (!global.exchanged_alike(world)) throw_different_exchanges(reducer.exchanged(), group, t);
//
// Collective: every rank throws the same CommError, which names the first rank that differs from
// rank 0 and both operations. Only the thread that runs the step loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "trainer/arena_layout.h"

namespace catamaran {

[[noreturn]] void throw_different_exchanges(const std::vector<ArenaRange>& mine,
                                            ProcessGroup& group, int64_t step);

// Of one rank's ranges and rank 0's, that differ: "has started, as number 1 of the step, an
// all-reduce of elements 64 to 128, and rank 0 one of elements 0 to 64".
std::string difference_text(const std::vector<ArenaRange>& theirs,
                            const std::vector<ArenaRange>& of_rank_0);

}  // namespace catamaran
