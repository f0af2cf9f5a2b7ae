// Lengths of time as people write them.
//
//   parse_duration("2h30m", "--max-time")      // 9000 seconds
//
// Taken: numbers with the units d, h, m and s, each once and in this order (90s, 2h30m, 1d12h), and
// what Slurm's --time takes of HH:MM:SS and D-HH:MM:SS. A number alone is refused, as it might be
// seconds or Slurm's minutes. Errors: UsageError naming the option, with these forms. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace catamaran {

// Seconds, from 1 to those of a year of 366 days.
int64_t parse_duration(const std::string& given, const std::string& option);

}  // namespace catamaran
