// What eval and thresholds fit share: options that say which models score which pack, and the start
// under MPI.
//
//   auto given = std::make_shared<ScoringOptions>();
//   add_scoring_options(*eval, *given);
//   score_on_ranks(*given, argc, argv, [] {}, [](const ScoreTable& table) { ... });
//
// Errors: UsageError, and those of score_pack. Only the main thread.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>

#include "comm/process_group.h"
#include "trainer/api.h"

namespace catamaran {

struct ScoringOptions {
  EvaluateRequest request;
  CommOptions comm;
  int64_t ranks = 0;
};

void add_scoring_options(CLI::App& command, ScoringOptions& options);

// Starts MPI, scores the pack on all ranks, and calls use(table) on rank 0 while MPI is up.
// before: on rank 0, once MPI is up and before the first image.
// Returns the exit code of this process or, with --ranks, of the ranks that it started.
int score_on_ranks(const ScoringOptions& options, int& argc, char**& argv,
                   const std::function<void()>& before,
                   const std::function<void(const ScoreTable&)>& use);

}  // namespace catamaran
