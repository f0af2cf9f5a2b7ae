// CRC-32C (Castagnoli; RFC 3720, appendix B.4), by which records of some file formats are checked.
//
//   crc32c("123456789") == 0xe3069283
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace catamaran {

uint32_t crc32c(std::string_view bytes);

}  // namespace catamaran
