#include "comm/core_binding.h"

#include <sstream>
#include <vector>

#include "comm/core_plan.h"
#include "comm/own_cpus.h"
#include "comm/text_exchange.h"
#include "support/error.h"
#include "support/log.h"

namespace catamaran {
namespace {

constexpr const char* kKey = "comm.bind";

// The ranks of this host in their order, and which of them this one is.
struct Neighbours {
  std::vector<RankPlace> places;
  size_t self = 0;
};

// A line each of host, CPUs, and the GPU's NUMA node.
Neighbours neighbours_of(Communicator& host, const std::string& host_name, const RankPlace& mine) {
  const std::string lines = host_name + "\n" + cpu_list_text(mine.cpus) + "\n" +
                            std::to_string(mine.gpu_numa_node) + "\n";
  const std::vector<std::string> by_rank = all_gather(host, lines);
  Neighbours found;
  for (size_t r = 0; r < by_rank.size(); ++r) {
    std::istringstream in(by_rank[r]);
    std::string name;
    std::string cpus;
    RankPlace place;
    std::getline(in, name);
    std::getline(in, cpus);
    in >> place.gpu_numa_node;
    if (name != host_name) continue;
    place.cpus = parse_cpu_list(cpus).value_or(std::vector<int>());
    if (static_cast<int>(r) == host.rank()) found.self = found.places.size();
    found.places.push_back(place);
  }
  return found;
}

}  // namespace

CoreBinding bind_cores(Communicator& host, const std::string& host_name, const std::string& bind,
                       const std::string& gpu_bus_id) {
  RankPlace mine{.cpus = own_cpus()};
  if (!gpu_bus_id.empty()) mine.gpu_numa_node = numa_node_of_pci(gpu_bus_id);
  const Neighbours neighbours = neighbours_of(host, host_name, mine);
  const CorePlan plan = plan_cores(bind, read_cpu_topology(), neighbours.places);
  if (plan.refused) {
    throw UsageError("'" + bind + "' cannot be had on " + host_name + ": " + plan.what, kKey,
                     "use comm.bind = \"auto\" or \"none\", or start fewer ranks a node");
  }
  CoreBinding binding{.cpus = cpu_list_text(mine.cpus), .what = ""};
  if (!plan.what.empty()) binding.what = "cores: " + plan.what + " (comm.bind = \"" + bind + "\")";
  if (plan.cpus.empty()) return binding;
  const std::vector<int>& part = plan.cpus[neighbours.self];
  if (take_cpus(part)) {
    binding.cpus = cpu_list_text(part);
  } else {
    log::warn("rank " + std::to_string(host.rank()) + " on " + host_name +
              ": the kernel does not let it have the CPUs " + cpu_list_text(part) +
              " alone; it stays on " + binding.cpus);
  }
  return binding;
}

}  // namespace catamaran
