#include "comm/agreement.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "support/error.h"

namespace catamaran {

void require_same_program(ProcessGroup& group, const std::string& program) {
  std::vector<std::pair<std::string, std::string>> ranks_of_programs;  // in order of first ranks
  const std::vector<std::string> all = group.all_gather(program);
  for (size_t r = 0; r < all.size(); ++r) {
    const auto known =
        std::ranges::find(ranks_of_programs, all[r], &std::pair<std::string, std::string>::first);
    if (known == ranks_of_programs.end()) {
      ranks_of_programs.emplace_back(all[r], std::to_string(r));
    } else {
      known->second += ", " + std::to_string(r);
    }
  }
  if (ranks_of_programs.size() == 1) return;
  std::string what = "the ranks are not of one program";
  for (const auto& [theirs, ranks] : ranks_of_programs)
    what += (what.back() == ')' ? ", " : ": ") + ("rank " + ranks) + " (" + theirs + ")";
  throw UsageError(what, "start of the run",
                   "start the same build, with the same libraries, on every node");
}

void require_same_everywhere(ProcessGroup& group, const std::string& what,
                             const std::string& digest) {
  const std::vector<std::string> all = group.all_gather(digest);
  std::string others;
  for (size_t r = 1; r < all.size(); ++r) {
    if (all[r] != all[0]) others += (others.empty() ? "" : ", ") + std::to_string(r);
  }
  if (others.empty()) return;
  throw UsageError(what + " of rank " + others + " is not that of rank 0", "start of the run",
                   "give every rank the same files and arguments");
}

}  // namespace catamaran
