// ProcessGroup: this process's place among the ranks of a run, the device it is bound to, and the
// two communicators: one for small host messages (counts, sums, names, scores) and one for
// gradients. More of the gradients' kind can be had.
//
//   MpiSession mpi(argc, argv);                         // first local of main
//   ProcessGroup group = make_process_group(mpi, options);   // second
//   group.host().all_reduce(&sum, 1, DataType::kFloat64, ReduceOp::kSum);
//
// The MPI communicator moves host memory only (Debian's Open MPI knows no device memory), so it
// goes with compute on the CPU, where NodeCommunicator takes its place for gradients when all ranks
// are on one node: whenever a rank would be without a GPU of its own
// (comm/device_binding.h) all ranks compute on the CPU, and rank 0 says so where GPUs are left
// unused. Device memory meets NcclCommunicator, or SelfCommunicator in a world of one. Ranks that
// share a node are given their part of its cores (comm.bind), which rank 0 says.
//
// Owns the communicators; the MpiSession must outlive it. Only the thread that runs the step loop.
// Errors: UsageError when the backend asked for is impossible here (NCCL without a GPU) or only
// some ranks have a GPU (comm/backend_choice.h), CommError from collectives.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/core_binding.h"

namespace catamaran {

class MpiSession;

struct CommOptions {
  // auto: nccl if every rank has a GPU of its own, else node if all ranks are on one node, else
  // mpi; or one of these by name.
  std::string backend = "auto";
  // Of sums on the CPU: thread: one that moves them on beside the computation; none: they move on
  // in the calls of the step; auto: a thread where a core is free for it.
  std::string progress = "auto";
  double timeout_seconds = 120;  // a collective that takes longer ends the job
  int64_t threads_per_rank = 0;  // compute threads; 0: cores of the node / local ranks
  std::string bind = "auto";     // auto, none, core, numa: comm/core_plan.h

  std::vector<std::string> problems() const;  // support/problems.h
  void check() const;                         // UsageError naming the keys
};

enum class DeviceKind { kCpu, kCuda };

using CommunicatorMaker = std::function<std::unique_ptr<Communicator>()>;

class ProcessGroup {
 public:
  // another: makes one more communicator like `gradients`; without it there is none to be had.
  ProcessGroup(int rank, int world, int local_rank, int local_world, std::string host_name,
               DeviceKind device_kind, int device_index, int threads,
               std::unique_ptr<Communicator> host, std::unique_ptr<Communicator> gradients,
               CommunicatorMaker another = nullptr, CoreBinding cores = {});

  int rank() const { return rank_; }
  int world() const { return world_; }
  bool is_root() const { return rank_ == 0; }
  int local_rank() const { return local_rank_; }
  int local_world() const { return local_world_; }
  const std::string& host_name() const { return host_name_; }
  DeviceKind device_kind() const { return device_kind_; }
  int device_index() const { return device_index_; }
  int threads() const { return threads_; }             // compute threads this rank should use
  const CoreBinding& cores() const { return cores_; }  // CPUs that they may run on

  Communicator& host() { return *host_; }
  Communicator& gradients() { return *gradients_; }
  // A communicator like gradients(), for sums that must not wait for those. All ranks call it
  // together; it must not outlive this group. Each costs an initialisation and, on a GPU, memory.
  std::unique_ptr<Communicator> another_communicator() const;

  void barrier();
  // The root's text on every rank.
  std::string broadcast_text(const std::string& text, int root = 0);
  // Every rank's bytes, by rank, on every rank. Lengths may differ.
  std::vector<std::string> all_gather(const std::string& bytes);

 private:
  int rank_;
  int world_;
  int local_rank_;
  int local_world_;
  std::string host_name_;
  DeviceKind device_kind_;
  int device_index_;
  int threads_;
  std::unique_ptr<Communicator> host_;
  std::unique_ptr<Communicator> gradients_;
  CommunicatorMaker another_;
  CoreBinding cores_;
};

ProcessGroup make_process_group(MpiSession& session, const CommOptions& options);

}  // namespace catamaran
