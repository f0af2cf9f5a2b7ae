#include "comm/process_group.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "comm/backend_choice.h"
#include "comm/background_communicator.h"
#include "comm/device_binding.h"
#include "comm/mpi_communicator.h"
#include "comm/mpi_session.h"
#include "comm/nccl_communicator.h"
#include "comm/node_communicator.h"
#include "comm/node_memory.h"
#include "comm/own_cpus.h"
#include "comm/self_communicator.h"
#include "comm/text_exchange.h"
#include "support/assert.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/log.h"
#include "support/problems.h"

namespace catamaran {
namespace {

// Local ranks whose CPUs are the same: unbound ranks share the node's cores, bound ones have their
// own.
int ranks_with_my_cores(Communicator& host, const std::string& host_name, const std::string& cpus) {
  std::vector<uint64_t> keys(static_cast<size_t>(host.world()), 0);
  keys[static_cast<size_t>(host.rank())] = xxh3(host_name + "\n" + cpus);
  host.all_reduce(keys.data(), static_cast<int64_t>(keys.size()), DataType::kUint64,
                  ReduceOp::kMax);
  return static_cast<int>(
      std::count(keys.begin(), keys.end(), keys[static_cast<size_t>(host.rank())]));
}

// What every rank sees, by rank, on every rank: one line each of host, reason, whether
// the driver failed, and the GPUs' ids.
std::vector<RankDevices> devices_of_all_ranks(Communicator& host, const std::string& host_name,
                                              const VisibleDevices& mine) {
  std::string lines =
      host_name + "\n" + mine.reason + "\n" + (mine.driver_failed ? "failed" : "") + "\n";
  for (const std::string& id : mine.pci_bus_ids) lines += id + "\n";
  std::vector<RankDevices> ranks;
  for (const std::string& text : all_gather(host, lines)) {
    std::istringstream in(text);
    RankDevices rank;
    std::getline(in, rank.host);
    std::getline(in, rank.visible.reason);
    std::string failed;
    std::getline(in, failed);
    rank.visible.driver_failed = !failed.empty();
    for (std::string id; std::getline(in, id);) rank.visible.pci_bus_ids.push_back(id);
    ranks.push_back(std::move(rank));
  }
  return ranks;
}

std::unique_ptr<Communicator> make_for_host(const MpiSession& session, double timeout_seconds) {
  if (session.world() == 1) return std::make_unique<SelfCommunicator>();
  return std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, session.host_name(), timeout_seconds);
}

}  // namespace

std::vector<std::string> CommOptions::problems() const {
  Problems found("comm.");
  found.require_one_of("backend", backend, {"auto", "mpi", "node", "nccl"});
  found.require_one_of("progress", progress, {"auto", "thread", "none"});
  found.require(timeout_seconds > 0 && timeout_seconds <= 1e6, "timeout_seconds",
                "must be more than 0 and at most 1000000 seconds", "120 is the default");
  found.require(threads_per_rank >= 0 && threads_per_rank <= 4096, "threads_per_rank",
                "must be 0 to 4096", "0 shares the node's cores among its ranks");
  found.require_one_of("bind", bind, {"auto", "none", "core", "numa"});
  return found.take();
}

void CommOptions::check() const { throw_if_any(problems()); }

ProcessGroup::ProcessGroup(int rank, int world, int local_rank, int local_world,
                           std::string host_name, DeviceKind device_kind, int device_index,
                           int threads, std::unique_ptr<Communicator> host,
                           std::unique_ptr<Communicator> gradients, CommunicatorMaker another,
                           CoreBinding cores)
    : rank_(rank),
      world_(world),
      local_rank_(local_rank),
      local_world_(local_world),
      host_name_(std::move(host_name)),
      device_kind_(device_kind),
      device_index_(device_index),
      threads_(threads),
      host_(std::move(host)),
      gradients_(std::move(gradients)),
      another_(std::move(another)),
      cores_(std::move(cores)) {}

std::unique_ptr<Communicator> ProcessGroup::another_communicator() const {
  CATAMARAN_ASSERT(another_ != nullptr, "the group was made with a maker of communicators");
  return another_();
}

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

namespace {

// On the CPU: through the node's memory or by MPI.
std::unique_ptr<Communicator> make_host_gradients(const MpiSession& session,
                                                  const CommOptions& options, bool node) {
  if (node) {
    try {
      return std::make_unique<NodeCommunicator>(MPI_COMM_WORLD, session.host_name(),
                                                options.timeout_seconds);
    } catch (const NodeMemoryUnavailable& problem) {  // on all ranks
      if (options.backend != "auto") throw;
      if (session.rank() == 0)
        log::warn(std::string(problem.what()) + "; gradients are summed by MPI, which is slower");
    }
  }
  return std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, session.host_name(),
                                           options.timeout_seconds);
}

}  // namespace

ProcessGroup make_process_group(MpiSession& session, const CommOptions& options) {
  options.check();
  std::unique_ptr<Communicator> host = make_for_host(session, options.timeout_seconds);
  const VisibleDevices visible = visible_devices();
  const std::vector<RankDevices> ranks = devices_of_all_ranks(*host, session.host_name(), visible);
  const std::vector<int> gpu_of_rank = assign_gpus(ranks);
  std::vector<RankDevice> devices;
  for (size_t r = 0; r < ranks.size(); ++r) {
    devices.push_back({ranks[r].host, gpu_of_rank[r] >= 0, ranks[r].visible.driver_failed,
                       why_without_gpu(ranks[r].visible)});
  }
  const BackendChoice choice = choose_backend(options.backend, devices);
  if (session.rank() == 0 && !choice.warning.empty()) log::warn(choice.warning);
  const int gpu = choice.gpus ? gpu_of_rank[static_cast<size_t>(session.rank())] : 0;
  const std::string bus_id = choice.gpus ? visible.pci_bus_ids[static_cast<size_t>(gpu)] : "";
  CoreBinding cores = bind_cores(*host, session.host_name(), options.bind, bus_id);
  if (session.rank() == 0 && !cores.what.empty()) log::info(cores.what);
  const int cpus = std::max(1, static_cast<int>(own_cpus().size()));
  const int sharing = ranks_with_my_cores(*host, session.host_name(), cores.cpus);
  const int threads = threads_for(options.threads_per_rank, cpus, sharing);
  const bool core_is_free = cpus / sharing > threads;
  const bool background =
      options.progress == "thread" || (options.progress == "auto" && core_is_free);
  // The group owns *host, and the session outlives the group.
  const CommunicatorMaker make_gradients =
      [&session, options, gpus = choice.gpus, node = choice.node, gpu, background,
       on_host = host.get(),
       device = std::make_shared<DeviceState>()]() -> std::unique_ptr<Communicator> {
    if (session.world() == 1) return std::make_unique<SelfCommunicator>();
    if (gpus)
      return make_nccl_communicator(*on_host, gpu, session.host_name(), options.timeout_seconds,
                                    device);
    std::unique_ptr<Communicator> made = make_host_gradients(session, options, node);
    if (background) made = std::make_unique<BackgroundCommunicator>(std::move(made));
    return made;
  };
  std::unique_ptr<Communicator> gradients = make_gradients();
  return ProcessGroup(session.rank(), session.world(), session.local_rank(), session.local_world(),
                      session.host_name(), choice.gpus ? DeviceKind::kCuda : DeviceKind::kCpu, gpu,
                      threads, std::move(host), std::move(gradients), make_gradients,
                      std::move(cores));
}

}  // namespace catamaran
