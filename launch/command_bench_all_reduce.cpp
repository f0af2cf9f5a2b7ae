#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "comm/all_reduce_bench.h"
#include "launch/byte_sizes.h"
#include "launch/command_bench.h"
#include "launch/path_checks.h"
#include "launch/rank_session.h"
#include "launch/self_launch.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

struct AllReduceArguments {
  std::string sizes;
  CommOptions comm;
  int64_t rounds = 5;
  int64_t ranks = 0;
  std::filesystem::path out;
  bool json = false;
};

// 4 KiB to 256 MiB, by 4.
std::vector<int64_t> sweep() {
  std::vector<int64_t> sizes;
  for (int64_t bytes = int64_t{4} << 10; bytes <= int64_t{256} << 20; bytes *= 4)
    sizes.push_back(bytes);
  return sizes;
}

std::vector<int64_t> sizes_of(const std::string& given) {
  if (given.empty()) return sweep();
  std::vector<int64_t> sizes = parse_byte_sizes(given, "--sizes");
  for (const int64_t bytes : sizes) {
    if (bytes % 4 == 0) continue;
    throw UsageError(std::to_string(bytes) + " bytes are not a whole number of fp32 values",
                     "--sizes", "write multiples of 4 bytes");
  }
  return sizes;
}

// docs/formats.md
nlohmann::json to_json(const AllReduceBench& bench, const ProcessGroup& group,
                       const std::string& backend, int64_t nodes, int64_t rounds) {
  nlohmann::json rows = nlohmann::json::array();
  for (const AllReduceRow& row : bench.rows) {
    rows.push_back({{"bytes", row.bytes},
                    {"count", row.count()},
                    {"seconds", row.seconds},
                    {"algorithm_bytes_per_second", row.algorithm_bandwidth()},
                    {"bus_bytes_per_second", row.bus_bandwidth(group.world())},
                    {"wrong_elements", row.wrong}});
  }
  return {{"format_version", 1},
          {"backend", backend},
          {"world", group.world()},
          {"nodes", nodes},
          {"host", group.host_name()},
          {"type", "float32"},
          {"rounds", rounds},
          {"sizes", rows},
          {"latency_seconds", bench.fit.latency_seconds},
          {"bandwidth_bytes_per_second", bench.fit.bandwidth_bytes_per_second}};
}

void print(const AllReduceBench& bench, const ProcessGroup& group, const std::string& backend,
           int64_t nodes) {
  std::printf("all-reduce over %d rank(s) on %ld node(s), backend %s, in place, sum\n",
              group.world(), nodes, backend.c_str());
  std::printf("%12s %12s %8s %12s %10s %10s %8s\n", "size", "count", "type", "time us", "alg GB/s",
              "bus GB/s", "wrong");
  for (const AllReduceRow& row : bench.rows) {
    std::printf("%12s %12ld %8s %12.1f %10.3f %10.3f %8ld\n", byte_size_text(row.bytes).c_str(),
                row.count(), "float32", 1e6 * row.seconds, 1e-9 * row.algorithm_bandwidth(),
                1e-9 * row.bus_bandwidth(group.world()), row.wrong);
  }
  if (bench.fit.bandwidth_bytes_per_second > 0) {
    std::printf("time = %.1f us + size / %.3f GB/s\n", 1e6 * bench.fit.latency_seconds,
                1e-9 * bench.fit.bandwidth_bytes_per_second);
  }
}

void require_right_sums(const AllReduceBench& bench) {
  for (const AllReduceRow& row : bench.rows) {
    if (row.wrong == 0) continue;
    throw CommError(std::to_string(row.wrong) + " elements of a sum of " +
                        byte_size_text(row.bytes) + " are wrong",
                    "bench allreduce",
                    "do not train on this machine before its memory and network are checked");
  }
}

int run(const AllReduceArguments& given, int& argc, char**& argv) {
  AllReduceBenchOptions options;
  options.bytes = sizes_of(given.sizes);
  options.rounds = given.rounds;
  given.comm.check();
  if (!given.out.empty()) require_writable_target(given.out, ErrorKind::kUsage);
  if (given.ranks > 0) return launch_ranks(given.ranks, argc, argv, OnStop::kEnd);
  RankSession ranks(argc, argv, given.comm);
  ProcessGroup& group = ranks.group();
  const std::vector<std::string> hosts = group.all_gather(group.host_name());
  const auto nodes = static_cast<int64_t>(std::set(hosts.begin(), hosts.end()).size());
  const std::string backend(group.gradients().backend());
  const AllReduceBench bench = bench_all_reduce(group, options);
  if (group.is_root()) {
    const std::string text =
        json_text(to_json(bench, group, backend, nodes, options.rounds)) + "\n";
    if (given.json) {
      std::fputs(text.c_str(), stdout);
    } else {
      print(bench, group, backend, nodes);
    }
    if (!given.out.empty()) write_file_atomically(given.out, text, ErrorKind::kUsage);
  }
  require_right_sums(bench);
  return 0;
}

}  // namespace

void add_bench_all_reduce(CLI::App& bench, CommandSlot& slot) {
  const auto given = std::make_shared<AllReduceArguments>();
  CLI::App* command = bench.add_subcommand(
      "allreduce", "Time and bandwidth of gradient sums by size, with every sum checked");
  command->add_option("--sizes", given->sizes,
                      "list like 1MiB,25MiB,100MiB; by default 4 KiB to 256 MiB, by 4");
  command->add_option("--backend", given->comm.backend, "auto, mpi, node, nccl")
      ->capture_default_str();
  command->add_option("--progress", given->comm.progress, "auto, thread, none: comm.progress")
      ->capture_default_str();
  command->add_option("--rounds", given->rounds, "the median of so many is taken")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--ranks", given->ranks, "start so many ranks on this machine (with mpirun)")
      ->check(CLI::Range(1, kMostRanks));
  command->add_option("--out", given->out, "write what was measured to this JSON file")
      ->check(result_file({".json"}));
  command->add_flag("--json", given->json, "print the numbers as JSON");
  command->footer("Example: catamaran bench allreduce --ranks 4 --out network.json");
  command->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return run(*given, argc, argv); };
  });
}

}  // namespace catamaran
