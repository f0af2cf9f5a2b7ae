// Texts of any length between all ranks of a communicator of host memory.
//
//   const std::string everywhere = broadcast_text(host, mine, /*root=*/0);
//   const std::vector<std::string> by_rank = all_gather(host, mine);    // lengths may differ
//
// Collective: all ranks call them together. Errors, threads: comm/communicator.h.
#pragma once

#include <string>
#include <vector>

#include "comm/communicator.h"

namespace catamaran {

// The root's text on every rank.
std::string broadcast_text(Communicator& host, const std::string& text, int root);
// Every rank's bytes, by rank, on every rank.
std::vector<std::string> all_gather(Communicator& host, const std::string& bytes);

}  // namespace catamaran
