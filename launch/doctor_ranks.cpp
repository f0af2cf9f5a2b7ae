#include "launch/doctor_ranks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "support/cpu_topology.h"
#include "support/resource_limits.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kLargeSkew = 1;       // seconds
constexpr double kMostOfMedian = 0.7;  // of a device's speed, below which it holds the others up

LocatedFinding at(const RankFacts& rank, Finding finding) {
  return {std::move(finding), rank.host, rank.rank};
}

// The ranks of each host, as places in the list.
std::map<std::string, std::vector<size_t>> by_host(const std::vector<RankFacts>& ranks) {
  std::map<std::string, std::vector<size_t>> hosts;
  for (size_t r = 0; r < ranks.size(); ++r) hosts[ranks[r].host].push_back(r);
  return hosts;
}

std::vector<RankDevices> devices_of(const std::vector<RankFacts>& ranks) {
  std::vector<RankDevices> devices;
  for (const RankFacts& rank : ranks) devices.push_back({rank.host, rank.gpus.visible});
  return devices;
}

std::string version_of(const RankFacts& rank, const std::string& name) {
  const auto found = rank.versions.find(name);
  return found == rank.versions.end() ? "unknown" : found->second;
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
}

// The same of each host, in its own words.
void judge_gpus_of_host(const std::vector<RankFacts>& ranks, const std::vector<size_t>& places,
                        std::vector<LocatedFinding>& found) {
  std::set<std::string> ids;
  bool one_each = places.size() > 1;
  for (const size_t r : places) {
    ids.insert(ranks[r].gpus.visible.pci_bus_ids.begin(), ranks[r].gpus.visible.pci_bus_ids.end());
    one_each = one_each && ranks[r].gpus.visible.pci_bus_ids.size() == 1;
  }
  const bool own = ids.size() == places.size();
  for (const size_t r : places) {
    if (one_each && own)
      found.push_back(at(
          ranks[r], warning("gpu-visibility",
                            "each rank sees one GPU alone, so that GPUs may not reach each other "
                            "directly (P2P, NVLink)",
                            "show all of the node's GPUs to each rank: --gpus-per-node in place "
                            "of --gpus-per-task, and no --gpu-bind=per_task")));
    if (ids.size() > places.size())
      found.push_back(at(
          ranks[r],
          note("gpus-idle", text("%zu GPUs of the node for %zu rank(s)", ids.size(), places.size()),
               "start one rank per GPU")));
  }
}

void judge_gpu_of_rank(const RankFacts& rank, int index, std::vector<LocatedFinding>& found) {
  const auto place = static_cast<size_t>(index);
  const Gpu& gpu = rank.gpus.gpus[place];
  if (!gpu.has_ecc)
    found.push_back(at(rank, note("gpu-ecc",
                                  "GPU " + gpu.pci_bus_id + " (" + gpu.name +
                                      ") has ECC switched off or none: errors of its memory go "
                                      "unseen",
                                  "switch it on where there is one: nvidia-smi -e 1")));
  const int node = place < rank.gpu_numa_nodes.size() ? rank.gpu_numa_nodes[place] : -1;
  const std::vector<int>& own = rank.numa_nodes;
  if (node >= 0 && !own.empty() && std::ranges::find(own, node) == own.end())
    found.push_back(at(
        rank, warning("gpu-numa",
                      "GPU " + gpu.pci_bus_id + " is at NUMA node " + std::to_string(node) +
                          ", and the rank's CPUs are at node " + cpu_list_text(own),
                      "bind ranks near their GPUs: srun --gpu-bind=closest, or no binding by the "
                      "launcher and comm.bind = \"auto\"")));
}

std::string gpu_summary(const RankFacts& rank, int index) {
  const Gpu& gpu = rank.gpus.gpus[static_cast<size_t>(index)];
  return text("%s, %.1f GiB, CUDA %s (driver knows %s)", gpu.name.c_str(),
              static_cast<double>(gpu.memory_bytes) / static_cast<double>(int64_t{1} << 30),
              cuda_version_text(rank.gpus.runtime_version).c_str(),
              cuda_version_text(rank.gpus.driver_version).c_str());
}

Finding without_gpu(const RankFacts& rank, bool others_have) {
  const std::string reason = why_without_gpu(rank.gpus.visible);
  if (rank.gpus.visible.driver_failed)
    return failure("gpus", "the GPU's driver fails: " + reason,
                   "look at nvidia-smi and dmesg there; a driver that is too old for CUDA " +
                       cuda_version_text(rank.gpus.runtime_version) + " has to be renewed");
  if (others_have)
    return failure("gpus", "this rank has no GPU and others have: " + reason,
                   "start one rank per GPU, or leave the host out; comm.backend = \"mpi\" computes "
                   "on the CPU of all");
  return fine("gpus", "no GPU (" + reason + "): the ranks compute on the CPU");
}

void judge_cpus_of_host(const std::vector<RankFacts>& ranks, const std::vector<size_t>& places,
                        int64_t threads, std::vector<LocatedFinding>& found) {
  const std::string topic = "cpus";
  for (const size_t r : places) {
    const RankFacts& rank = ranks[r];
    const auto own = static_cast<int64_t>(rank.cpus.size());
    const auto sharers = std::max<int64_t>(1, std::ranges::count_if(places, [&](size_t other) {
                                             return ranks[other].cpus == rank.cpus;
                                           }));
    const int64_t each = own / sharers;
    const std::string have =
        text("%ld CPU(s) of %ld for %ld rank(s)", own, rank.machine_cpus, sharers);
    const std::string advice =
        "give each rank more: srun --cpus-per-task=N --cpu-bind=cores (srun does not inherit it "
        "from sbatch since 22.05), mpirun --bind-to none or --map-by slot:PE=N";
    if (own == 0) {
      found.push_back(at(rank, note(topic, "the system does not say which CPUs a rank may use")));
    } else if (threads > each) {
      found.push_back(
          at(rank, warning(topic, have + ", and comm.threads_per_rank = " + std::to_string(threads),
                           advice + "; or lower comm.threads_per_rank")));
    } else if (each < 1) {
      found.push_back(at(rank, warning(topic, have, "start fewer ranks on the node")));
    } else if (own == 1 && rank.machine_cpus >= 2 * static_cast<int64_t>(places.size())) {
      found.push_back(
          at(rank,
             warning(topic, have + ": its loader and its computation take turns on it", advice)));
    } else {
      found.push_back(at(rank, fine(topic, have)));
    }
  }
}

}  // namespace

std::vector<LocatedFinding> compare_programs(const std::vector<RankFacts>& ranks) {
  std::vector<LocatedFinding> found;
  const RankFacts& first = ranks.front();
  for (const RankFacts& rank : ranks) {
    for (const auto& [name, version] : first.versions) {
      const std::string theirs = version_of(rank, name);
      if (theirs != version)
        found.push_back(at(rank, failure("versions",
                                         name + " is " + theirs + ", and " + version +
                                             " on rank 0 (" + first.host + ")",
                                         "give every node the same program, libraries and files")));
    }
    if (rank.processor != first.processor)
      found.push_back(at(
          rank,
          note("processors", "the processor is " + rank.processor + ", and " + first.processor +
                                 " on rank 0 (" + first.host + "): the slower one sets the pace")));
  }
  if (found.empty()) {
    for (const RankFacts& rank : ranks)
      found.push_back(at(rank, fine("versions", "catamaran " + version_of(rank, "program") +
                                                    ", LibTorch " + version_of(rank, "LibTorch"))));
  }
  return found;
}

std::vector<LocatedFinding> judge_gpus(const std::vector<RankFacts>& ranks,
                                       const std::string& backend) {
  std::vector<LocatedFinding> found;
  if (backend == "mpi" || backend == "node") {
    for (const RankFacts& rank : ranks)
      found.push_back(
          at(rank, fine("gpus", "comm.backend = \"" + backend +
                                    "\" computes on the CPU, whatever GPUs there are")));
    return found;
  }
  const std::vector<int> gpu = assign_gpus(devices_of(ranks));
  const bool any = std::ranges::any_of(gpu, [](int index) { return index >= 0; });
  const auto first = static_cast<size_t>(
      std::ranges::find_if(gpu, [](int index) { return index >= 0; }) - gpu.begin());
  for (size_t r = 0; r < ranks.size(); ++r) {
    if (gpu[r] < 0) {
      Finding without = without_gpu(ranks[r], any);
      if (backend == "nccl" && without.level == FindingLevel::kOk)
        without = failure("gpus", without.what,
                          "comm.backend = \"nccl\" needs a GPU for every rank: use \"auto\", or "
                          "ask the cluster for GPUs");
      found.push_back(at(ranks[r], without));
      continue;
    }
    found.push_back(at(ranks[r], fine("gpus", gpu_summary(ranks[r], gpu[r]))));
    judge_gpu_of_rank(ranks[r], gpu[r], found);
    const auto mine = static_cast<size_t>(gpu[r]);
    const Gpu& model = ranks[first].gpus.gpus[static_cast<size_t>(gpu[first])];
    if (ranks[r].gpus.gpus[mine].name != model.name)
      found.push_back(at(ranks[r], warning("gpu-models",
                                           "the GPU is a " + ranks[r].gpus.gpus[mine].name +
                                               ", and others are " + model.name,
                                           "ask for nodes of one kind: the slower GPU sets the "
                                           "pace")));
  }
  for (const auto& [host, places] : by_host(ranks)) {
    if (any) judge_gpus_of_host(ranks, places, found);
  }
  return found;
}

std::vector<std::vector<int>> spare_gpus(const std::vector<RankFacts>& ranks) {
  const std::vector<int> gpu_of_rank = assign_gpus(devices_of(ranks));
  std::map<std::string, std::set<std::string>> taken;  // by host
  for (size_t r = 0; r < ranks.size(); ++r) {
    if (gpu_of_rank[r] >= 0)
      taken[ranks[r].host].insert(
          ranks[r].gpus.visible.pci_bus_ids[static_cast<size_t>(gpu_of_rank[r])]);
  }
  std::vector<std::vector<int>> spare(ranks.size());
  for (size_t r = 0; r < ranks.size(); ++r) {
    const std::vector<std::string>& ids = ranks[r].gpus.visible.pci_bus_ids;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (taken[ranks[r].host].insert(ids[i]).second) spare[r].push_back(static_cast<int>(i));
    }
  }
  return spare;
}

std::vector<LocatedFinding> judge_cpus(const std::vector<RankFacts>& ranks, int64_t threads) {
  std::vector<LocatedFinding> found;
  for (const auto& [host, places] : by_host(ranks))
    judge_cpus_of_host(ranks, places, threads, found);
  return found;
}

std::vector<LocatedFinding> judge_hosts(const std::vector<RankFacts>& ranks) {
  std::vector<LocatedFinding> found;
  for (const auto& [host, places] : by_host(ranks)) {
    const RankFacts& speaker = ranks[*std::ranges::max_element(
        places, {}, [&](size_t r) { return ranks[r].of_host.size(); })];
    for (const Finding& finding : speaker.of_host) found.push_back(at(speaker, finding));
    for (const Finding& finding : judge_resources(speaker.resources, std::ssize(places)))
      found.push_back(at(speaker, finding));
  }
  for (const RankFacts& rank : ranks) {
    for (const Finding& finding : rank.of_rank) found.push_back(at(rank, finding));
  }
  return found;
}

std::vector<LocatedFinding> judge_clocks(const std::vector<RankFacts>& ranks,
                                         const std::vector<double>& ahead_seconds) {
  std::vector<LocatedFinding> found;
  const auto hosts = by_host(ranks);
  for (const auto& [host, places] : hosts) {
    const size_t r = places.front();
    const double ahead = ahead_seconds[r];
    if (std::abs(ahead) > kLargeSkew) {
      found.push_back(
          at(ranks[r], warning("clock",
                               text("the clock is %.1f s %s that of rank 0 (%s)", std::abs(ahead),
                                    ahead > 0 ? "ahead of" : "behind", ranks[0].host.c_str()),
                               "let chrony or ntpd set it: times of logs and of files "
                               "do not go together")));
    } else if (hosts.size() > 1) {
      found.push_back(
          at(ranks[r], fine("clock", text("within %.3f s of rank 0's clock", std::abs(ahead)))));
    }
  }
  return found;
}

std::vector<LocatedFinding> judge_speeds(const std::vector<RankFacts>& ranks,
                                         const std::vector<double>& flops_per_second) {
  std::vector<LocatedFinding> found;
  const double median = median_of(flops_per_second);
  for (size_t r = 0; r < ranks.size(); ++r) {
    const double share = median > 0 ? flops_per_second[r] / median : 1;
    const std::string what = text("%.3g GFLOP/s of fp32 products", 1e-9 * flops_per_second[r]);
    if (share < kMostOfMedian) {
      found.push_back(
          at(ranks[r], warning("device-speed",
                               text("%s, %.0f %% of the ranks' median", what.c_str(), 100 * share),
                               "look for heat, a power limit, or another job on it: all ranks wait "
                               "for the slowest")));
    } else {
      found.push_back(at(ranks[r], fine("device-speed", what)));
    }
  }
  return found;
}

}  // namespace catamaran
