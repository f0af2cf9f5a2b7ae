// What each rank tells rank 0 of itself, before anything is done together: its place, program,
// processors, GPUs, and what it found alone.
//
//   const std::string letter = facts_json(facts).dump();
//   const RankFacts theirs = facts_of_json(letter);
//
// Errors: DataError from JSON that is of another form: ranks of different programs. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "comm/gpu_facts.h"
#include "support/finding.h"
#include "support/resource_limits.h"

namespace catamaran {

struct RankFacts {
  int rank = 0;
  std::string host;
  // What has to be the same on all ranks, by name: "program", "LibTorch", "NCCL", ...
  std::map<std::string, std::string> versions;
  std::string processor;        // "AMD EPYC 7763 64-Core Processor"; empty: nobody says
  int64_t machine_cpus = 0;     // that are online
  std::vector<int> cpus;        // of this rank's mask
  std::vector<int> numa_nodes;  // that those lie on
  GpuFacts gpus;
  std::vector<int> gpu_numa_nodes;  // of each GPU it sees; -1: nobody knows
  ResourceFacts resources;
  // About the host as a whole: some ranks have more to say of it than others, and of each host the
  // one that has most is heard.
  std::vector<Finding> of_host;
  std::vector<Finding> of_rank;
};

nlohmann::json facts_json(const RankFacts& facts);
RankFacts facts_of_json(const std::string& text);

}  // namespace catamaran
