// The probe for silent data corruption: every so many steps all ranks compute the gradients of one
// micro-batch that is the same everywhere, and compare them bit for bit. What a hash of the weights
// cannot see, a wrong gradient that the exchange spreads to all ranks alike, shows here, with the
// rank's name.
//
//   if (probe_interval(every, group) > 0) ...
//   require_same_gradients(hash of my gradients, group, step);
//
// Equal processors give equal bits with equal numbers of threads; where they have several names or
// ranks other numbers of threads, and on GPUs, whose kernels need not give the same bits twice, the
// probe is left out. Errors: NumericsError on every rank, naming the ranks that differ from most
// others. Collective.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"

namespace catamaran {

// The ranks whose value is not that of most; where no value is most common all of them are named.
// Empty: all alike.
std::vector<int> odd_ranks(const std::vector<uint64_t>& values);

void require_same_gradients(uint64_t hash, ProcessGroup& group, int64_t step);

// `every`, or 0 where bits are not to be compared; rank 0 says why. Collective.
int64_t probe_interval(int64_t every, ProcessGroup& group);

}  // namespace catamaran
