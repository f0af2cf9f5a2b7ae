// Sizes in bytes as people write them.
//
//   parse_byte_sizes("4KiB,1MiB,100MiB", "--sizes")      // {4096, 1048576, 104857600}
//   byte_size_text(1048576)                              // "1 MiB"
//
// A number and nothing, B, KiB, MiB or GiB. Errors: UsageError naming the option and the part that
// is none. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

std::vector<int64_t> parse_byte_sizes(const std::string& list, const std::string& option);
std::string byte_size_text(int64_t bytes);

}  // namespace catamaran
