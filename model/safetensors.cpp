#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "support/assert.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kAlignment = 64;
constexpr const char* kMetadataKey = "__metadata__";

struct Dtype {
  std::string_view name;
  torch::ScalarType type;
};
constexpr std::array<Dtype, 10> kDtypes = {{{"F64", torch::kFloat64},
                                            {"F32", torch::kFloat32},
                                            {"F16", torch::kFloat16},
                                            {"BF16", torch::kBFloat16},
                                            {"I64", torch::kInt64},
                                            {"I32", torch::kInt32},
                                            {"I16", torch::kInt16},
                                            {"I8", torch::kInt8},
                                            {"U8", torch::kUInt8},
                                            {"BOOL", torch::kBool}}};

torch::ScalarType type_named(const std::string& dtype) {
  const auto found =
      std::find_if(kDtypes.begin(), kDtypes.end(), [&](const Dtype& d) { return dtype == d.name; });
  CATAMARAN_ASSERT(found != kDtypes.end(), "the header's reader knows the same types");
  return found->type;
}

FileDescriptor open_weights(const std::filesystem::path& path) {
  try {
    return open_for_reading(path);
  } catch (const DataError& problem) {
    throw WeightsError(problem.what(), "", "");
  }
}

template <typename Read>
auto as_weights_error(Read&& read) {
  try {
    return read();
  } catch (const DataError& problem) {  // a short file, from read_exactly_at
    throw WeightsError(problem.what(), "", "");
  }
}

}  // namespace

TensorFile read_safetensors(const std::filesystem::path& path) {
  return as_weights_error([&] {
    const FileDescriptor file = open_weights(path);
    SafetensorsHeader header = read_safetensors_header(file, path);
    TensorFile out;
    out.metadata = std::move(header.metadata);
    for (const SafetensorsEntry& entry : header.entries) {
      torch::Tensor tensor = torch::empty(entry.shape, type_named(entry.dtype));
      read_exactly_at(file, entry.begin, tensor.data_ptr(), entry.bytes, path);
      out.tensors.emplace(entry.name, tensor);
    }
    return out;
  });
}

SafetensorsHeader list_safetensors(const std::filesystem::path& path) {
  return as_weights_error([&] { return read_safetensors_header(open_weights(path), path); });
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  json root = json::object();
  if (!metadata.empty()) root[kMetadataKey] = metadata;
  int64_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto dtype = std::find_if(kDtypes.begin(), kDtypes.end(),
                                    [&](const Dtype& d) { return d.type == tensor.scalar_type(); });
    if (dtype == kDtypes.end() || root.contains(name)) {
      throw WeightsError("a tensor of this type or name cannot be written",
                         path.string() + ", tensor '" + name + "'", "");
    }
    const int64_t bytes = static_cast<int64_t>(tensor.nbytes());
    root[name] = {{"dtype", dtype->name},
                  {"shape", tensor.sizes().vec()},
                  {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  std::string header = root.dump();
  header.append(
      static_cast<size_t>(
          (kAlignment - (kLengthBytes + static_cast<int64_t>(header.size())) % kAlignment) %
          kAlignment),
      ' ');
  const uint64_t length = header.size();
  AtomicFile file(path, ErrorKind::kWeights);
  file.write(&length, kLengthBytes);
  file.write(header.data(), static_cast<int64_t>(length));
  for (const auto& [name, tensor] : tensors) {
    const torch::Tensor plain =
        tensor.detach().to(torch::kCPU).contiguous();  // row-major, whatever it is in memory
    file.write(plain.data_ptr(), static_cast<int64_t>(plain.nbytes()));
  }
  file.commit();
}

}  // namespace catamaran
