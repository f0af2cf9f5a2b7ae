// --threads of the commands that run a model in their own process, on CPUs.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

namespace catamaran {

inline void add_threads_option(CLI::App& command, int& threads) {
  threads = 0;
  command.add_option("--threads", threads, "CPU threads, which compute in fp32; 0: one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
}

// What was asked for, as a number of threads > 0.
inline int threads_or_cores(int threads) {
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return threads == 0 ? cores : threads;
}

}  // namespace catamaran
