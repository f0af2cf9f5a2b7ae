// The log: one line each on stderr, with the rank in front once there are several. stdout is left
// to results.
//
//   configure_log(rank, world);                        // once, in main
//   log::info(text("packed %ld images", count));       // rank 0 only
//
// Warnings and errors are printed by every rank, information by rank 0. Thread-safe.
#pragma once

#include <string>

#include "support/text.h"

namespace catamaran {

void configure_log(int rank, int world);

namespace log {
void info(const std::string& line);
void warn(const std::string& line);
void error(const std::string& line);
}  // namespace log

}  // namespace catamaran
