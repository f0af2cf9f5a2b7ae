#include "launch/sweep_shares.h"

#include <algorithm>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {

std::vector<std::vector<int>> share_cores(const std::vector<int>& cores, int64_t jobs) {
  std::vector<std::vector<int>> shares;
  const int64_t count = std::ssize(cores);
  for (int64_t job = 0; job < jobs && count > 0; ++job) {
    const int64_t first = job * count / jobs;
    const int64_t last = std::max(first + 1, (job + 1) * count / jobs);
    shares.emplace_back(cores.begin() + first, cores.begin() + last);
  }
  return shares;
}

std::vector<std::string> share_gpus(const std::vector<std::string>& gpus, int64_t jobs,
                                    int64_t a_job) {
  const int64_t count = std::ssize(gpus);
  if (jobs * a_job > count) {
    const int64_t fit = count / a_job;
    throw UsageError(
        text("%ld points at once, each on %ld GPU(s), need %ld GPUs, and there are %ld", jobs,
             a_job, jobs * a_job, count),
        "--jobs",
        fit > 0 ? text("set it to %ld", fit)
                : std::string("use fewer --ranks, or comm.backend = \"mpi\" for the "
                              "CPU"));
  }
  std::vector<std::string> shares;
  for (int64_t job = 0; job < jobs; ++job) {
    std::string share;
    for (int64_t g = job * a_job; g < (job + 1) * a_job; ++g)
      share += (share.empty() ? "" : ",") + gpus[static_cast<size_t>(g)];
    shares.push_back(std::move(share));
  }
  return shares;
}

}  // namespace catamaran
