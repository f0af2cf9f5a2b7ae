// The processors of this machine as the kernel shows them: which CPUs are hyperthreads of one core,
// and which NUMA node they belong to; and the kernel's way to write lists of CPUs.
//
//   const CpuTopology machine = read_cpu_topology();
//   machine.cpus[0].core;                             // the same for hyperthreads of one core
//   parse_cpu_list("0-3,8");                          // {0, 1, 2, 3, 8}
//   numa_node_of_pci("0000:C1:00.0");                 // that of a GPU; -1: nobody says
//
// What the kernel does not show is taken for the simplest: every CPU a core, all of one node.
// Thread-safe. Source: the kernel's Documentation/admin-guide/cputopology.rst and
// ABI/stable/sysfs-devices-node.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

struct Cpu {
  int number = 0;
  int core = 0;  // the least number among the hyperthreads of its core
  int numa_node = 0;

  bool operator==(const Cpu&) const = default;
};

struct CpuTopology {
  std::vector<Cpu> cpus;  // that are online, by number

  std::vector<int> numa_nodes() const;  // that have CPUs, in order, each once
};
// Reads DEVICES/cpu and DEVICES/node; without them there are as many CPUs as the C library says.
CpuTopology read_cpu_topology(const std::filesystem::path& devices = "/sys/devices/system");

// nullopt where it is no such list. "" is an empty one.
std::optional<std::vector<int>> parse_cpu_list(std::string_view list);
// "0-3,8"; "" for none. Any order.
std::string cpu_list_text(std::vector<int> cpus);

// As CUDA, nvidia-smi or the kernel write the id: letters of either case, four or eight digits of
// domain. -1 where the device is not there or its node not known.
int numa_node_of_pci(const std::string& bus_id,
                     const std::filesystem::path& devices = "/sys/bus/pci/devices");
// The same id as the kernel writes it: "0000:c1:00.0".
std::string kernel_bus_id(const std::string& bus_id);

}  // namespace catamaran
