// "Did you mean": the known name nearest to what somebody typed, by edit distance.
//
//   did_you_mean("learning_rte", known)      // " (did you mean 'learning_rate'?)", or "" when
//   nothing is near
//
// Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace catamaran {

// Insertions, deletions, substitutions and swaps of neighbours that turn one into the other.
int edit_distance(const std::string& a, const std::string& b);
std::string did_you_mean(const std::string& typed, const std::vector<std::string>& known);

}  // namespace catamaran
