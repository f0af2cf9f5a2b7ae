// Fuzz target: the header of a safetensors file. The first byte chooses: 'f' a whole file follows;
// anything else: the header's JSON follows, behind eight bytes with twice the size of the data, the
// lowest first. It is refused by WeightsError, or its tensors fill the data without gap or overlap.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scratch_file.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/safetensors_header.h"

namespace catamaran {
namespace {

constexpr size_t kLengthBytes = 8;

uint64_t little_endian(const uint8_t* data) {
  uint64_t value = 0;
  for (size_t i = kLengthBytes; i-- > 0;) value = value << 8 | data[i];
  return value;
}

void require_filled(const SafetensorsHeader& header, int64_t begin, int64_t end) {
  for (const SafetensorsEntry& entry : header.entries) {
    int64_t values = 1;
    for (const int64_t side : entry.shape) values *= side;
    if (entry.begin != begin || values * safetensors_dtype_bytes(entry.dtype) != entry.bytes)
      std::abort();
    begin += entry.bytes;
  }
  if (begin != end) std::abort();
}

void read_file(const uint8_t* data, size_t size) {
  const ScratchFile file(data, size);
  const FileDescriptor opened = open_for_reading(file.path());
  const SafetensorsHeader header = read_safetensors_header(opened, file.path());
  const auto begin = static_cast<int64_t>(kLengthBytes + little_endian(data));
  require_filled(header, begin, static_cast<int64_t>(size));
}

void read_header(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data) + kLengthBytes,
                              size - kLengthBytes);
  const auto data_bytes = static_cast<int64_t>(little_endian(data) >> 1);  // never negative
  require_filled(parse_safetensors_header(json, data_bytes, "input"), 0, data_bytes);
}

void read(const uint8_t* data, size_t size) {
  try {
    if (data[0] == 'f') {
      read_file(data + 1, size - 1);
    } else if (size > kLengthBytes) {
      read_header(data + 1, size - 1);
    }
  } catch (const WeightsError&) {
  }
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) catamaran::read(data, size);
  return 0;
}
