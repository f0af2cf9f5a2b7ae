// How a machine is shared out among jobs that run side by side on it. Pure functions; thread-safe.
//
//   share_cores({0, 1, 2, 3}, 2)                  // {{0, 1}, {2, 3}}
//   share_gpus({"4", "5", "6", "7"}, 2, 2)        // {"4,5", "6,7"}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

// As even as can be, neighbours together; where there are fewer cores than jobs several have the
// same one. No cores: no shares.
std::vector<std::vector<int>> share_cores(const std::vector<int>& cores, int64_t jobs);

// So many GPUs a job, as CUDA_VISIBLE_DEVICES has them. UsageError where they do not suffice.
std::vector<std::string> share_gpus(const std::vector<std::string>& gpus, int64_t jobs,
                                    int64_t a_job);

}  // namespace catamaran
