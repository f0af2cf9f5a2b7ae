#include "comm/process_group.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "comm/device_binding.h"
#include "comm/mpi_communicator.h"
#include "comm/mpi_session.h"
#include "comm/nccl_communicator.h"
#include "comm/self_communicator.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/problems.h"

namespace catamaran {
namespace {

struct Cores {
  int count = 1;
  uint64_t mask_hash = 0;
};

Cores cores_of_this_process() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return {};
  return {CPU_COUNT(&mask), xxh3(&mask, sizeof mask)};
}

// Local ranks whose affinity mask is the same: unbound ranks share the node's cores, bound ones
// have their own.
int ranks_with_my_cores(Communicator& host, const std::string& host_name, uint64_t mask_hash) {
  std::vector<uint64_t> keys(static_cast<size_t>(host.world()), 0);
  keys[static_cast<size_t>(host.rank())] = xxh3(host_name) ^ mask_hash;
  host.all_reduce(keys.data(), static_cast<int64_t>(keys.size()), DataType::kUint64,
                  ReduceOp::kMax);
  return static_cast<int>(
      std::count(keys.begin(), keys.end(), keys[static_cast<size_t>(host.rank())]));
}

// Everywhere or nowhere: all ranks must choose the same back end.
bool all_ranks_have_a_gpu(Communicator& host, bool here) {
  int64_t everywhere = here ? 1 : 0;
  host.all_reduce(&everywhere, 1, DataType::kInt64, ReduceOp::kMin);
  return everywhere == 1;
}

}  // namespace

std::vector<std::string> CommOptions::problems() const {
  Problems found("comm.");
  found.require_one_of("backend", backend, {"auto", "mpi", "nccl"});
  found.require(timeout_seconds > 0, "timeout_seconds", "must be more than 0 seconds",
                "120 is the default");
  found.require(threads_per_rank >= 0 && threads_per_rank <= 4096, "threads_per_rank",
                "must be 0 to 4096", "0 shares the node's cores among its ranks");
  return found.take();
}

void CommOptions::check() const { throw_if_any(problems()); }

ProcessGroup::ProcessGroup(int rank, int world, int local_rank, int local_world,
                           std::string host_name, DeviceKind device_kind, int device_index,
                           int threads, std::unique_ptr<Communicator> host,
                           std::unique_ptr<Communicator> gradients)
    : rank_(rank),
      world_(world),
      local_rank_(local_rank),
      local_world_(local_world),
      host_name_(std::move(host_name)),
      device_kind_(device_kind),
      device_index_(device_index),
      threads_(threads),
      host_(std::move(host)),
      gradients_(std::move(gradients)) {}

void ProcessGroup::barrier() {
  int64_t nothing = 0;
  host_->all_reduce(&nothing, 1, DataType::kInt64, ReduceOp::kSum);
}

std::string ProcessGroup::broadcast_text(const std::string& text, int root) {
  std::string copy = text;
  auto bytes = static_cast<int64_t>(copy.size());
  host_->broadcast(&bytes, sizeof bytes, root, nullptr);
  copy.resize(static_cast<size_t>(bytes));
  host_->broadcast(copy.data(), bytes, root, nullptr);
  return copy;
}

std::vector<std::string> ProcessGroup::all_gather(const std::string& bytes) {
  std::vector<std::string> all;
  all.reserve(static_cast<size_t>(world_));
  for (int root = 0; root < world_; ++root)
    all.push_back(broadcast_text(root == rank_ ? bytes : std::string(), root));
  return all;
}

ProcessGroup make_process_group(MpiSession& session, const CommOptions& options) {
  options.check();
  const auto make_host = [&]() -> std::unique_ptr<Communicator> {
    if (session.world() == 1) return std::make_unique<SelfCommunicator>();
    return std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, session.host_name(),
                                             options.timeout_seconds);
  };
  std::unique_ptr<Communicator> host = make_host();
  const DeviceBinding binding =
      bind(visible_devices(), session.local_rank(), session.local_world());
  const bool gpus =
      options.backend != "mpi" && all_ranks_have_a_gpu(*host, binding.gpu.has_value());
  if (options.backend == "nccl" && !gpus) {
    const std::string reason = binding.gpu ? "another rank has none" : binding.reason;
    throw UsageError("nccl needs a GPU for every rank: rank " + std::to_string(session.rank()) +
                         " on " + session.host_name() + " says: " + reason,
                     "comm.backend", "use comm.backend = \"mpi\" (CPU) or \"auto\"");
  }
  const Cores cores = cores_of_this_process();
  const int threads = threads_for(options.threads_per_rank, cores.count,
                                  ranks_with_my_cores(*host, session.host_name(), cores.mask_hash));
  std::unique_ptr<Communicator> gradients = make_host();
  if (gpus && session.world() > 1) {
    gradients =
        make_nccl_communicator(*host, *binding.gpu, session.host_name(), options.timeout_seconds);
  }
  return ProcessGroup(session.rank(), session.world(), session.local_rank(), session.local_world(),
                      session.host_name(), gpus ? DeviceKind::kCuda : DeviceKind::kCpu,
                      gpus ? *binding.gpu : 0, threads, std::move(host), std::move(gradients));
}

}  // namespace catamaran
