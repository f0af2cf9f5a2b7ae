#include "launch/doctor_facts.h"

#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

constexpr const char* kWhere = "what a rank tells of itself";

using nlohmann::json;

template <typename T>
T field(const json& object, const char* key) {
  return json_field<T>(object, key, kWhere, ErrorKind::kData);
}

json findings_json(const std::vector<Finding>& findings) {
  json list = json::array();
  for (const Finding& finding : findings) list.push_back(finding_json(finding));
  return list;
}

std::vector<Finding> findings_of(const json& object, const char* key) {
  std::vector<Finding> findings;
  for (const json& one : field<json>(object, key)) findings.push_back(finding_of_json(one));
  return findings;
}

json gpus_json(const GpuFacts& facts) {
  json list = json::array();
  for (const Gpu& gpu : facts.gpus) {
    list.push_back({{"pci_bus_id", gpu.pci_bus_id},
                    {"name", gpu.name},
                    {"memory_bytes", gpu.memory_bytes},
                    {"has_ecc", gpu.has_ecc}});
  }
  return {{"gpus", list},
          {"reason", facts.visible.reason},
          {"driver_failed", facts.visible.driver_failed},
          {"driver_version", facts.driver_version},
          {"runtime_version", facts.runtime_version}};
}

GpuFacts gpus_of(const json& object) {
  GpuFacts facts;
  for (const json& one : field<json>(object, "gpus")) {
    facts.gpus.push_back({.pci_bus_id = field<std::string>(one, "pci_bus_id"),
                          .name = field<std::string>(one, "name"),
                          .memory_bytes = field<int64_t>(one, "memory_bytes"),
                          .has_ecc = field<bool>(one, "has_ecc")});
    facts.visible.pci_bus_ids.push_back(facts.gpus.back().pci_bus_id);
  }
  facts.visible.reason = field<std::string>(object, "reason");
  facts.visible.driver_failed = field<bool>(object, "driver_failed");
  facts.driver_version = field<int64_t>(object, "driver_version");
  facts.runtime_version = field<int64_t>(object, "runtime_version");
  return facts;
}

json resources_json(const ResourceFacts& facts) {
  return {{"locked_memory_bytes", facts.locked_memory_bytes},
          {"open_files", facts.open_files},
          {"memory_bytes", facts.memory_bytes},
          {"shared_memory_bytes", facts.shared_memory_bytes},
          {"shared_memory_free_bytes", facts.shared_memory_free_bytes},
          {"shared_memory_is_writable", facts.shared_memory_is_writable},
          {"has_infiniband", facts.has_infiniband}};
}

ResourceFacts resources_of(const json& object) {
  return {.locked_memory_bytes = field<int64_t>(object, "locked_memory_bytes"),
          .open_files = field<int64_t>(object, "open_files"),
          .memory_bytes = field<int64_t>(object, "memory_bytes"),
          .shared_memory_bytes = field<int64_t>(object, "shared_memory_bytes"),
          .shared_memory_free_bytes = field<int64_t>(object, "shared_memory_free_bytes"),
          .shared_memory_is_writable = field<bool>(object, "shared_memory_is_writable"),
          .has_infiniband = field<bool>(object, "has_infiniband")};
}

}  // namespace

json facts_json(const RankFacts& facts) {
  return {{"rank", facts.rank},
          {"host", facts.host},
          {"versions", facts.versions},
          {"processor", facts.processor},
          {"machine_cpus", facts.machine_cpus},
          {"cpus", facts.cpus},
          {"numa_nodes", facts.numa_nodes},
          {"gpus", gpus_json(facts.gpus)},
          {"gpu_numa_nodes", facts.gpu_numa_nodes},
          {"resources", resources_json(facts.resources)},
          {"of_host", findings_json(facts.of_host)},
          {"of_rank", findings_json(facts.of_rank)}};
}

RankFacts facts_of_json(const std::string& text) {
  const json object = parse_json(text, kWhere, ErrorKind::kData);
  RankFacts facts;
  facts.rank = field<int>(object, "rank");
  facts.host = field<std::string>(object, "host");
  facts.versions = field<std::map<std::string, std::string>>(object, "versions");
  facts.processor = field<std::string>(object, "processor");
  facts.machine_cpus = field<int64_t>(object, "machine_cpus");
  facts.cpus = field<std::vector<int>>(object, "cpus");
  facts.numa_nodes = field<std::vector<int>>(object, "numa_nodes");
  facts.gpus = gpus_of(field<json>(object, "gpus"));
  facts.gpu_numa_nodes = field<std::vector<int>>(object, "gpu_numa_nodes");
  facts.resources = resources_of(field<json>(object, "resources"));
  facts.of_host = findings_of(object, "of_host");
  facts.of_rank = findings_of(object, "of_rank");
  return facts;
}

}  // namespace catamaran
