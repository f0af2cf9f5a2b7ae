// What the ranks tell of themselves, held against each other: programs and libraries that differ,
// GPUs that two share or none has, CPUs that are too few for the threads asked for.
//
//   for (LocatedFinding& finding : compare_programs(ranks)) report.add(std::move(finding));
//
// Each takes the ranks that were heard, in order, rank 0 first. Pure functions. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/doctor_facts.h"
#include "launch/doctor_report.h"

namespace catamaran {

// The same program, libraries and configuration everywhere, as rank 0 has them.
std::vector<LocatedFinding> compare_programs(const std::vector<RankFacts>& ranks);

// A GPU of its own for every rank, or none for any; backend is comm.backend, whose "mpi" and "node"
// say that the CPU is meant.
std::vector<LocatedFinding> judge_gpus(const std::vector<RankFacts>& ranks,
                                       const std::string& backend);

// By rank, GPUs that it sees and no rank of its host takes, as places among those it sees; each is
// one rank's. Where a node is tested with one rank, they are tested by that.
std::vector<std::vector<int>> spare_gpus(const std::vector<RankFacts>& ranks);

// threads is comm.threads_per_rank.
std::vector<LocatedFinding> judge_cpus(const std::vector<RankFacts>& ranks, int64_t threads);

// Seconds by which each rank's clock is ahead of rank 0's. Clocks of one host are one.
std::vector<LocatedFinding> judge_clocks(const std::vector<RankFacts>& ranks,
                                         const std::vector<double>& ahead_seconds);

// What each host's ranks found of it alone, and what it lets them have.
std::vector<LocatedFinding> judge_hosts(const std::vector<RankFacts>& ranks);

// What each rank's device computes a second, on the same products.
std::vector<LocatedFinding> judge_speeds(const std::vector<RankFacts>& ranks,
                                         const std::vector<double>& flops_per_second);

}  // namespace catamaran
