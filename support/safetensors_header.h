// The header of a safetensors file: which tensors it holds and where their bytes lie. It is read as
// if somebody had made it to do harm: bounded in size, depth and count, and every range checked
// before a caller allocates anything for a tensor.
//
//   const FileDescriptor file = open_for_reading(path);
//   const SafetensorsHeader header = read_safetensors_header(file, path);
//   for (const SafetensorsEntry& entry : header.entries)  // in file order, without gap or overlap
//     read_exactly_at(file, entry.begin, buffer, entry.bytes, path);
//
// Format: u64 little-endian length N; N bytes of JSON, {name: {dtype, shape, data_offsets: [begin,
// end]}} with offsets from byte 8 + N, and optionally "__metadata__": {text: text}; raw data, all
// of it described. Memory: at most a few times the header's bytes, so below 64 MiB. Errors:
// WeightsError naming the file and the tensor. Thread-safe.
// Source: https://github.com/huggingface/safetensors, "Format".
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/file_descriptor.h"

namespace catamaran {

// The reference reader allows 100 MB of header; the largest models in use need less than 1 MiB.
constexpr int64_t kSafetensorsLargestHeaderBytes = int64_t{8} << 20;

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // "F32", one of safetensors_dtype_bytes
  std::vector<int64_t> shape;
  int64_t begin = 0;  // byte in the file
  int64_t bytes = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // by place in the file
  std::map<std::string, std::string> metadata;
};

// Bytes of one value; 0 when the type is not known.
int64_t safetensors_dtype_bytes(std::string_view dtype);
SafetensorsHeader read_safetensors_header(const FileDescriptor& file,
                                          const std::filesystem::path& path);
// The same from memory: `json` are the header's N bytes, `data_bytes` what follows them.
SafetensorsHeader parse_safetensors_header(std::string_view json, int64_t data_bytes,
                                           const std::string& where);

}  // namespace catamaran
