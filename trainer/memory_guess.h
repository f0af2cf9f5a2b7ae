// Whether a rank that was lost met the end of its host's memory: the kernel's killer leaves no
// word.
//
//   sentence += memory_guess(ranks, lost);   // "; probably memory: ..."
//
// A guess from the last heartbeats. Pure function; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "trainer/failure_report.h"

namespace catamaran {

// Empty where the ranks of its host held less than most of the memory that they may have, or nobody
// knows.
std::string memory_guess(const std::vector<RankRecord>& ranks, const RankRecord& lost);

}  // namespace catamaran
