#include "support/cpu_topology.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <map>
#include <set>

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int kMostCpus = 1 << 16;  // a number beyond it is damage, not a machine

std::string line_of(const fs::path& file) {
  std::string line;
  std::ifstream in(file);
  std::getline(in, line);
  return line;
}

std::vector<int> list_in(const fs::path& file) {
  return parse_cpu_list(line_of(file)).value_or(std::vector<int>());
}

std::vector<int> online_cpus(const fs::path& devices) {
  std::vector<int> online = list_in(devices / "cpu/online");
  if (!online.empty()) return online;
  for (int64_t i = 0; i < std::max<int64_t>(1, ::sysconf(_SC_NPROCESSORS_ONLN)); ++i)
    online.push_back(static_cast<int>(i));
  return online;
}

// By CPU.
std::map<int, int> numa_nodes_in(const fs::path& devices) {
  std::map<int, int> node_of;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(devices / "node", code)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("node")) continue;
    int node = 0;
    const char* end = name.data() + name.size();
    const auto [rest, problem] = std::from_chars(name.data() + 4, end, node);
    if (problem != std::errc() || rest != end) continue;
    for (const int cpu : list_in(entry.path() / "cpulist")) node_of[cpu] = node;
  }
  return node_of;
}

int core_of(const fs::path& devices, int cpu) {
  const fs::path topology = devices / "cpu" / ("cpu" + std::to_string(cpu)) / "topology";
  for (const char* name : {"core_cpus_list", "thread_siblings_list"}) {  // new, old kernels
    const std::vector<int> siblings = list_in(topology / name);
    if (!siblings.empty()) return siblings.front();
  }
  return cpu;
}

}  // namespace

std::optional<std::vector<int>> parse_cpu_list(std::string_view list) {
  while (!list.empty() && std::isspace(static_cast<unsigned char>(list.back())) != 0)
    list.remove_suffix(1);
  std::set<int> cpus;
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at != end) {
    int first = 0;
    std::from_chars_result parsed = std::from_chars(at, end, first);
    int last = first;
    if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '-')
      parsed = std::from_chars(parsed.ptr + 1, end, last);
    if (parsed.ec != std::errc() || first < 0 || last < first || last >= kMostCpus)
      return std::nullopt;
    for (int cpu = first; cpu <= last; ++cpu) cpus.insert(cpu);
    if (parsed.ptr == end) break;
    if (*parsed.ptr != ',' || parsed.ptr + 1 == end) return std::nullopt;
    at = parsed.ptr + 1;
  }
  return std::vector<int>(cpus.begin(), cpus.end());
}

std::string cpu_list_text(std::vector<int> cpus) {
  std::ranges::sort(cpus);
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t end = i + 1;
    while (end < cpus.size() && cpus[end] <= cpus[end - 1] + 1) ++end;
    text += (text.empty() ? "" : ",") + std::to_string(cpus[i]);
    if (cpus[end - 1] > cpus[i]) text += "-" + std::to_string(cpus[end - 1]);
    i = end;
  }
  return text;
}

std::vector<int> CpuTopology::numa_nodes() const {
  std::set<int> nodes;
  for (const Cpu& cpu : cpus) nodes.insert(cpu.numa_node);
  return {nodes.begin(), nodes.end()};
}

CpuTopology read_cpu_topology(const fs::path& devices) {
  const std::map<int, int> node_of = numa_nodes_in(devices);
  CpuTopology machine;
  for (const int cpu : online_cpus(devices)) {
    const auto node = node_of.find(cpu);
    machine.cpus.push_back({.number = cpu,
                            .core = core_of(devices, cpu),
                            .numa_node = node == node_of.end() ? 0 : node->second});
  }
  return machine;
}

std::string kernel_bus_id(const std::string& bus_id) {
  std::string id = bus_id;
  std::ranges::transform(
      id, id.begin(), [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const size_t colon = id.find(':');
  if (colon != std::string::npos && colon > 4 &&
      id.find_first_not_of('0') >= colon - 4)  // more digits of domain than the kernel writes
    id.erase(0, colon - 4);
  return id;
}

int numa_node_of_pci(const std::string& bus_id, const fs::path& devices) {
  int node = -1;
  std::ifstream in(devices / kernel_bus_id(bus_id) / "numa_node");
  return in >> node ? node : -1;
}

}  // namespace catamaran
