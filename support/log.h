// The log: spdlog to stderr, one line each, with the rank in front once there are several.
//
//   configure_log(rank, world);                 // once, in main
//   log::info("packed {} images", count);       // rank 0 only, unless all_ranks is used
//
// Warnings and errors are printed by every rank; info by rank 0. stdout is left to results.
// Thread-safe.
#pragma once

#include <spdlog/spdlog.h>

namespace catamaran {

void configure_log(int rank, int world);

namespace log {
using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;
}  // namespace log

}  // namespace catamaran
