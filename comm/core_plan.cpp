#include "comm/core_plan.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <set>

namespace catamaran {
namespace {

struct Core {
  int numa_node = 0;
  std::vector<int> cpus;  // its hyperthreads
};
using Cores = std::vector<Core>;

// Those of the mask, neighbours of one NUMA node together.
Cores cores_of(const CpuTopology& machine, const std::vector<int>& mask) {
  const std::set<int> allowed(mask.begin(), mask.end());
  std::map<std::pair<int, int>, Core> cores;  // by NUMA node and core
  for (const Cpu& cpu : machine.cpus) {
    if (!allowed.contains(cpu.number)) continue;
    Core& core = cores[{cpu.numa_node, cpu.core}];
    core.numa_node = cpu.numa_node;
    core.cpus.push_back(cpu.number);
  }
  Cores list;
  for (auto& [key, core] : cores) list.push_back(std::move(core));
  return list;
}

std::map<int, Cores> by_numa_node(const Cores& cores) {
  std::map<int, Cores> nodes;
  for (const Core& core : cores) nodes[core.numa_node].push_back(core);
  return nodes;
}

// The NUMA node of each rank: its GPU's, and for the others in proportion to the nodes' cores, in
// the order of ranks and nodes.
std::vector<int> numa_nodes_of(const std::vector<RankPlace>& ranks,
                               const std::map<int, Cores>& nodes) {
  std::map<int, int64_t> taken;
  std::map<int, int64_t> open;  // for ranks without a GPU's wish
  int64_t without = 0;
  for (const RankPlace& rank : ranks) {
    if (nodes.contains(rank.gpu_numa_node)) {
      ++taken[rank.gpu_numa_node];
    } else {
      ++without;
    }
  }
  for (int64_t i = 0; i < without; ++i) {  // D'Hondt's method
    const auto next = std::ranges::max_element(nodes, {}, [&](const auto& node) {
      return static_cast<double>(node.second.size()) / static_cast<double>(taken[node.first] + 1);
    });
    ++taken[next->first];
    ++open[next->first];
  }
  std::vector<int> node_of;
  for (const RankPlace& rank : ranks) {
    int node = rank.gpu_numa_node;
    if (!nodes.contains(node)) {
      const auto next = std::ranges::find_if(open, [](const auto& one) { return one.second > 0; });
      node = next->first;
      --next->second;
    }
    node_of.push_back(node);
  }
  return node_of;
}

std::vector<int> cpus_of(const Cores& cores, size_t first, size_t count) {
  std::vector<int> cpus;
  for (size_t i = first; i < first + count; ++i)
    cpus.insert(cpus.end(), cores[i].cpus.begin(), cores[i].cpus.end());
  std::ranges::sort(cpus);
  return cpus;
}

struct Parts {
  std::vector<std::vector<int>> cpus;  // by rank
  size_t least = 0;                    // cores of the rank that has fewest
  size_t most = 0;
  size_t used = 0;
};

void give(Parts& parts, size_t rank, const Cores& cores, size_t first, size_t count) {
  parts.cpus[rank] = cpus_of(cores, first, count);
  parts.least = parts.used == 0 ? count : std::min(parts.least, count);
  parts.most = std::max(parts.most, count);
  parts.used += count;
}

// Each rank within its NUMA node. Ranks without a GPU wait for the slowest in each step, so theirs
// are equal on all nodes; none where a node has fewer cores than ranks.
std::optional<Parts> parts_within_nodes(const std::vector<RankPlace>& ranks,
                                        const std::map<int, Cores>& nodes) {
  const std::vector<int> node_of = numa_nodes_of(ranks, nodes);
  std::map<int, size_t> ranks_of;
  for (const int node : node_of) ++ranks_of[node];
  std::map<int, size_t> part_of;
  size_t least = SIZE_MAX;
  for (const auto& [node, count] : ranks_of) {
    part_of[node] = nodes.at(node).size() / count;
    least = std::min(least, part_of[node]);
  }
  if (least == 0) return std::nullopt;
  const bool no_gpus =
      std::ranges::all_of(ranks, [](const RankPlace& rank) { return rank.gpu_numa_node < 0; });
  Parts parts;
  parts.cpus.resize(ranks.size());
  std::map<int, size_t> next;
  for (size_t r = 0; r < ranks.size(); ++r) {
    const int node = node_of[r];
    const size_t count = no_gpus ? least : part_of[node];
    give(parts, r, nodes.at(node), next[node], count);
    next[node] += count;
  }
  return parts;
}

// One after the other over all cores, in the order of the GPUs' NUMA nodes.
Parts parts_in_a_row(const std::vector<RankPlace>& ranks, const Cores& cores) {
  std::vector<size_t> order(ranks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t r) { return ranks[r].gpu_numa_node; });
  const size_t count = cores.size() / ranks.size();
  Parts parts;
  parts.cpus.resize(ranks.size());
  for (size_t i = 0; i < order.size(); ++i) give(parts, order[i], cores, i * count, count);
  return parts;
}

bool leaves_many_idle(const Parts& parts, const Cores& cores) {
  return parts.used * 4 < cores.size() * 3;
}

std::string cores_text(size_t count) {
  return std::to_string(count) + (count == 1 ? " core" : " cores");
}

CorePlan equal_parts(const std::string& bind, const std::vector<RankPlace>& ranks,
                     const Cores& cores) {
  const std::string these = std::to_string(ranks.size()) + " ranks of the node";
  if (cores.size() < ranks.size()) {
    return {.cpus = {},
            .what = "the " + these + " share " + cores_text(cores.size()) + ", fewer than one each",
            .refused = bind == "core"};
  }
  const std::map<int, Cores> nodes = by_numa_node(cores);
  std::optional<Parts> parts = parts_within_nodes(ranks, nodes);
  const bool within_nodes = parts && !leaves_many_idle(*parts, cores);
  if (!within_nodes) parts = parts_in_a_row(ranks, cores);
  if (bind == "auto" && leaves_many_idle(*parts, cores)) {
    return {.cpus = {},
            .what = "the " + these + " share " + cores_text(cores.size()) +
                    ", as equal parts would leave more than a quarter of them idle"};
  }
  const std::string size = parts->least == parts->most
                               ? cores_text(parts->least)
                               : std::to_string(parts->least) + " to " + cores_text(parts->most);
  const bool near_gpus = std::ranges::all_of(
      ranks, [&](const RankPlace& rank) { return nodes.contains(rank.gpu_numa_node); });
  CorePlan plan{
      .cpus = std::move(parts->cpus),
      .what = "each of the " + these + " takes " + size + " of " + std::to_string(cores.size())};
  if (near_gpus && within_nodes && nodes.size() > 1) plan.what += ", near its GPU";
  return plan;
}

CorePlan whole_nodes(const std::vector<RankPlace>& ranks, const Cores& cores) {
  const std::map<int, Cores> nodes = by_numa_node(cores);
  if (nodes.size() < 2)
    return {.cpus = {}, .what = "the ranks stay as they are: there is one NUMA node"};
  CorePlan plan;
  for (const int node : numa_nodes_of(ranks, nodes))
    plan.cpus.push_back(cpus_of(nodes.at(node), 0, nodes.at(node).size()));
  plan.what = "each of the " + std::to_string(ranks.size()) + " ranks of the node takes one of " +
              std::to_string(nodes.size()) + " NUMA nodes";
  return plan;
}

bool have_one_mask(const std::vector<RankPlace>& ranks) {
  return std::ranges::all_of(ranks,
                             [&](const RankPlace& rank) { return rank.cpus == ranks[0].cpus; });
}

bool are_disjoint(const std::vector<RankPlace>& ranks) {
  std::set<int> taken;
  for (const RankPlace& rank : ranks) {
    for (const int cpu : rank.cpus) {
      if (!taken.insert(cpu).second) return false;
    }
  }
  return true;
}

bool each_within_a_node(const std::vector<RankPlace>& ranks, const CpuTopology& machine) {
  return std::ranges::all_of(ranks, [&](const RankPlace& rank) {
    return by_numa_node(cores_of(machine, rank.cpus)).size() <= 1;
  });
}

}  // namespace

CorePlan plan_cores(const std::string& bind, const CpuTopology& machine,
                    const std::vector<RankPlace>& ranks) {
  if (bind == "none" || ranks.size() < 2) return {};
  if (!have_one_mask(ranks)) {
    if ((bind == "core" && !are_disjoint(ranks)) ||
        (bind == "numa" && !each_within_a_node(ranks, machine))) {
      return {.cpus = {},
              .what =
                  "the launcher has bound the ranks otherwise: their CPUs overlap or lie on "
                  "several NUMA nodes",
              .refused = true};
    }
    return {.cpus = {}, .what = "the launcher has bound the ranks, and so they stay"};
  }
  const Cores cores = cores_of(machine, ranks[0].cpus);
  if (cores.empty()) return {.cpus = {}, .what = "the system does not say which CPUs there are"};
  return bind == "numa" ? whole_nodes(ranks, cores) : equal_parts(bind, ranks, cores);
}

}  // namespace catamaran
