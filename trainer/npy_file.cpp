#include "trainer/npy_file.h"

#include <bit>
#include <string>

#include "support/assert.h"
#include "support/atomic_file.h"

namespace catamaran {

void write_npy(const std::filesystem::path& path, const std::vector<int64_t>& shape,
               std::span<const float> values) {
  static_assert(std::endian::native == std::endian::little);
  int64_t elements = 1;
  std::string extents;
  for (const int64_t extent : shape) {
    elements *= extent;
    extents += std::to_string(extent) + ", ";
  }
  CATAMARAN_ASSERT(elements == std::ssize(values), "the caller made the array of this shape");
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + extents + "), }";
  constexpr size_t kPreamble = 10;  // magic, version, length
  constexpr size_t kAlignment = 64;
  header.append(kAlignment - 1 - (kPreamble + header.size()) % kAlignment, ' ');
  header += '\n';
  std::string content("\x93NUMPY\x01\x00", 8);
  content += static_cast<char>(header.size() & 0xFF);
  content += static_cast<char>(header.size() >> 8);
  content += header;
  content.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  write_file_atomically(path, content, ErrorKind::kUsage);
}

}  // namespace catamaran
