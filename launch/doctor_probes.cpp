#include "launch/doctor_probes.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "comm/library_facts.h"
#include "comm/own_cpus.h"
#include "launch/nvidia_smi.h"
#include "launch/version.h"
#include "support/bounded_call.h"
#include "support/cpu_topology.h"
#include "support/hash.h"
#include "support/host_name.h"
#include "support/port_probe.h"
#include "support/resource_limits.h"
#include "support/storage_probe.h"
#include "support/text.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

constexpr double kDriverSeconds = 15;   // for CUDA to say what there is
constexpr double kNameSeconds = 5;      // for the resolver
constexpr double kStorageSeconds = 20;  // for the run directory's file system
constexpr int64_t kPortsTried = 16;     // as the metrics page does

using Findings = std::vector<Finding>;

void append(Findings& findings, Findings more) {
  std::ranges::move(more, std::back_inserter(findings));
}

// What the probe finds, or that it has not come back.
Findings bounded(const char* topic, double seconds, const std::string& what,
                 const std::string& todo, std::function<Findings()> probe) {
  std::optional<Findings> found = call_within<Findings>(seconds, std::move(probe));
  if (found) return *std::move(found);
  return {failure(topic, what + text(" within %.0f s", seconds), todo)};
}

std::map<std::string, std::string> own_versions(const std::string& configuration) {
  const LibraryVersions libraries = library_versions();
  return {{"program", std::string(version()) + " (" + git_id() + ")"},
          {"LibTorch", libraries.torch},
          {"NCCL", libraries.nccl},
          {"CUDA", libraries.cuda},
          {"MPI", libraries.mpi},
          {"configuration", configuration.empty() ? "none" : sha256(configuration).substr(0, 12)}};
}

std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

void look_at_processors(RankFacts& facts) {
  const CpuTopology machine = read_cpu_topology();
  facts.processor = processor_name();
  facts.machine_cpus = std::ssize(machine.cpus);
  facts.cpus = own_cpus();
  std::set<int> nodes;
  for (const Cpu& cpu : machine.cpus) {
    if (std::ranges::find(facts.cpus, cpu.number) != facts.cpus.end()) nodes.insert(cpu.numa_node);
  }
  facts.numa_nodes.assign(nodes.begin(), nodes.end());
  std::set<int> cores;
  for (const Cpu& cpu : machine.cpus) cores.insert(cpu.core);
  facts.of_host.push_back(
      fine("numa", text("%zu NUMA node(s), %zu cores, %ld CPUs, %s", machine.numa_nodes().size(),
                        cores.size(), facts.machine_cpus, facts.processor.c_str())));
}

void look_at_gpus(RankFacts& facts) {
  const std::optional<GpuFacts> gpus = call_within<GpuFacts>(kDriverSeconds, gpu_facts);
  if (!gpus) {
    facts.of_rank.push_back(failure(
        "gpu-driver", text("CUDA does not say within %.0f s what GPUs there are", kDriverSeconds),
        "leave the node out and have it booted: its driver hangs"));
    return;
  }
  facts.gpus = *gpus;
  for (const Gpu& gpu : facts.gpus.gpus)
    facts.gpu_numa_nodes.push_back(numa_node_of_pci(gpu.pci_bus_id));
}

Findings judge_name(const std::string& host) {
  const HostAddresses there = addresses_of(host);
  const std::string topic = "host-name";
  const std::string advice =
      "have the name put into DNS or /etc/hosts, or Prometheus, which is given it, finds nothing";
  if (!there.problem.empty())
    return {warning(topic, "this host's name leads nowhere: " + there.problem, advice)};
  if (there.only_loopback())
    return {note(topic, "this host's name '" + host + "' leads to the loopback here",
                 "see that it leads to this machine elsewhere")};
  return {fine(topic, "'" + host + "' is " + there.addresses.front())};
}

Findings judge_port(const MonitoringOptions& options) {
  const std::string topic = "metrics-port";
  if (!options.enabled) return {note(topic, "the metrics page is switched off")};
  if (options.port == 0) {
    const std::string problem = port_problem(options.address, 0);
    if (problem.empty())
      return {fine(topic, "the metrics page takes whatever port is free on " + options.address)};
    return {failure(topic, "no port can be listened on: " + problem,
                    "set monitoring.address to an address of this host")};
  }
  const std::string problem = port_problem(options.address, options.port);
  const std::string port = std::to_string(options.port);
  if (problem.empty()) return {fine(topic, "port " + port + " is free for the metrics page")};
  if (options.strict_port)
    return {failure(topic, "the metrics page's port cannot be had: " + problem,
                    "set monitoring.port = 0, or monitoring.strict_port = false")};
  for (int64_t next = options.port + 1; next < options.port + kPortsTried && next < 65536; ++next) {
    if (port_problem(options.address, next).empty())
      return {note(topic,
                   "port " + port + " is taken: the metrics page goes to " + std::to_string(next))};
  }
  return {failure(topic, "the metrics page's port and the next ones cannot be had: " + problem,
                  "set monitoring.port = 0, or monitoring.enabled = false")};
}

// As train meets it; the file system of one folder for all ranks is asked once a host.
void look_at_storage(const DoctorRequest& request, RankFacts& facts) {
  append(facts.of_host,
         bounded("run-directory", kStorageSeconds,
                 "the storage of " + request.run_dir.string() + " does not answer",
                 "have it looked at, or name a run directory elsewhere",
                 [folder = request.run_dir] { return judge_storage(probe_storage(folder)); }));
}

}  // namespace

RankFacts probe_alone(const DoctorRequest& request, const LauncherFacts& launcher,
                      DoctorReport& report) {
  RankFacts facts;
  facts.rank = std::max(0, launcher.rank);
  facts.host = host_name();
  const bool first_of_host = launcher.local_rank <= 0;
  report.begin("looking at the processors");
  facts.versions = own_versions(request.configuration);
  look_at_processors(facts);
  facts.resources = read_resources();
  report.begin("asking CUDA for the GPUs");
  look_at_gpus(facts);
  facts.of_rank.push_back(judge_nccl(nccl_facts()));
  if (!first_of_host) return facts;
  report.begin("asking nvidia-smi");
  append(facts.of_host, ask_nvidia_smi(kDriverSeconds));
  report.begin("asking for this host's name");
  append(facts.of_host, bounded("host-name", kNameSeconds, "the name server does not answer",
                                "have the resolver looked at (/etc/resolv.conf)",
                                [host = facts.host] { return judge_name(host); }));
  if (facts.rank == 0) append(facts.of_rank, judge_port(request.options.monitoring));
  if (!request.run_dir.empty()) {
    report.begin("trying the storage of " + request.run_dir.string());
    look_at_storage(request, facts);
  }
  return facts;
}

}  // namespace catamaran
