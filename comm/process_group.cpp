#include "comm/process_group.h"

#include <sched.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "comm/device_binding.h"
#include "comm/mpi_communicator.h"
#include "comm/mpi_session.h"
#include "comm/nccl_communicator.h"
#include "comm/self_communicator.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/log.h"

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

std::string broadcast_text(Communicator& host, const std::string& text, int root) {
  std::string copy = text;
  auto bytes = static_cast<int64_t>(copy.size());
  host.broadcast(&bytes, sizeof bytes, root, nullptr);
  copy.resize(static_cast<size_t>(bytes));
  host.broadcast(copy.data(), bytes, root, nullptr);
  return copy;
}

std::vector<std::string> all_gather(Communicator& host, const std::string& bytes) {
  std::vector<std::string> all;
  for (int root = 0; root < host.world(); ++root)
    all.push_back(broadcast_text(host, root == host.rank() ? bytes : std::string(), root));
  return all;
}

// What every rank sees, by rank, on every rank: one line each of host, reason and the GPUs' ids.
std::vector<RankDevices> devices_of_all_ranks(Communicator& host, const std::string& host_name,
                                              const VisibleDevices& mine) {
  std::string lines = host_name + "\n" + mine.reason + "\n";
  for (const std::string& id : mine.pci_bus_ids) lines += id + "\n";
  std::vector<RankDevices> ranks;
  for (const std::string& text : all_gather(host, lines)) {
    std::istringstream in(text);
    RankDevices rank;
    std::getline(in, rank.host);
    std::getline(in, rank.visible.reason);
    for (std::string id; std::getline(in, id);) rank.visible.pci_bus_ids.push_back(id);
    ranks.push_back(std::move(rank));
  }
  return ranks;
}

}  // namespace

void CommOptions::check() const {
  if (backend != "auto" && backend != "mpi" && backend != "nccl") {
    throw UsageError("'" + backend + "' is no back end", "comm.backend", "use auto, mpi or nccl");
  }
  if (!(timeout_seconds > 0))
    throw UsageError("must be more than 0 seconds", "comm.timeout_seconds", "120 is the default");
  if (threads_per_rank < 0 || threads_per_rank > 4096) {
    throw UsageError("must be 0 to 4096", "comm.threads_per_rank",
                     "0 shares the node's cores among its ranks");
  }
}

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
  return catamaran::broadcast_text(*host_, text, root);
}

std::vector<std::string> ProcessGroup::all_gather(const std::string& bytes) {
  return catamaran::all_gather(*host_, bytes);
}

ProcessGroup make_process_group(MpiSession& session, const CommOptions& options) {
  options.check();
  const auto make_host = [&]() -> std::unique_ptr<Communicator> {
    if (session.world() == 1) return std::make_unique<SelfCommunicator>();
    return std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, session.host_name(),
                                             options.timeout_seconds);
  };
  std::unique_ptr<Communicator> host = make_host();
  const DeviceBinding binding = bind_ranks(
      options.backend, devices_of_all_ranks(*host, session.host_name(), visible_devices()));
  const bool gpus = !binding.gpu.empty();
  const int gpu = gpus ? binding.gpu[static_cast<size_t>(session.rank())] : 0;
  if (binding.gpus_unused && session.rank() == 0) {
    log::warn("every rank computes on the CPU and exchanges with MPI: " + binding.without_gpu +
              "; start one rank per GPU to use them");
  }
  const Cores cores = cores_of_this_process();
  const int threads = threads_for(options.threads_per_rank, cores.count,
                                  ranks_with_my_cores(*host, session.host_name(), cores.mask_hash));
  std::unique_ptr<Communicator> gradients = make_host();
  if (gpus && session.world() > 1) {
    gradients = make_nccl_communicator(*host, gpu, session.host_name(), options.timeout_seconds);
  }
  return ProcessGroup(session.rank(), session.world(), session.local_rank(), session.local_world(),
                      session.host_name(), gpus ? DeviceKind::kCuda : DeviceKind::kCpu, gpu,
                      threads, std::move(host), std::move(gradients));
}

}  // namespace catamaran
