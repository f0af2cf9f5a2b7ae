// Which back end a run uses, decided from what every rank says of its GPU: a pure function, so that
// all ranks decide alike.
//
//   std::vector<RankDevice> ranks = ...;                      // by rank, gathered from all
//   const BackendChoice choice = choose_backend(options.backend, ranks);
//
// auto: GPUs when every rank has one; the CPU when none has, with a warning if a driver failed.
// On the CPU, gradients are exchanged through the memory of the node where all ranks are on one
// (auto, node), else by MPI. Errors: UsageError when only some ranks have a GPU (backend = mpi is
// how to want the CPU all the same), when nccl is asked for and not every rank has one, or node and
// the ranks are on several nodes. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace catamaran {

struct RankDevice {
  std::string host;
  bool has_gpu = false;
  bool driver_failed = false;  // CUDA answered with an error other than "there is no GPU"
  std::string reason;          // why there is none
};

struct BackendChoice {
  bool gpus = false;
  bool node = false;    // without GPUs: the ranks share the memory of one node
  std::string warning;  // a sentence; empty: nothing to say
};

BackendChoice choose_backend(const std::string& backend, const std::vector<RankDevice>& ranks);

}  // namespace catamaran
