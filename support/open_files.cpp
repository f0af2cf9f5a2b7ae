#include "support/open_files.h"

#include <sys/resource.h>

#include <limits>

namespace catamaran {

void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // refused, it stays as it was
}

int64_t open_file_limit() {
  rlimit limit{};
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMost;
  return limit.rlim_cur > static_cast<rlim_t>(kMost) ? kMost : static_cast<int64_t>(limit.rlim_cur);
}

}  // namespace catamaran
