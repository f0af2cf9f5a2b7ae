#include "comm/agreement.h"

#include "support/error.h"

namespace catamaran {

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
