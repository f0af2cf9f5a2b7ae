#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "support/atomic_file.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/json.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kLargestHeaderBytes = 100'000'000;  // the reference implementation's cap
constexpr int64_t kAlignment = 64;
constexpr const char* kMetadataKey = "__metadata__";

struct Dtype {
  const char* name;
  torch::ScalarType type;
  int64_t bytes;
};
constexpr std::array<Dtype, 10> kDtypes = {{{"F64", torch::kFloat64, 8},
                                            {"F32", torch::kFloat32, 4},
                                            {"F16", torch::kFloat16, 2},
                                            {"BF16", torch::kBFloat16, 2},
                                            {"I64", torch::kInt64, 8},
                                            {"I32", torch::kInt32, 4},
                                            {"I16", torch::kInt16, 2},
                                            {"I8", torch::kInt8, 1},
                                            {"U8", torch::kUInt8, 1},
                                            {"BOOL", torch::kBool, 1}}};

const Dtype* dtype_named(const std::string& name) {
  const auto found =
      std::find_if(kDtypes.begin(), kDtypes.end(), [&](const Dtype& d) { return name == d.name; });
  return found == kDtypes.end() ? nullptr : &*found;
}

struct Entry {
  TensorInfo info;
  const Dtype* dtype = nullptr;
  int64_t begin = 0;  // in the file
};

struct Header {
  std::vector<Entry> entries;  // in file order
  std::map<std::string, std::string> metadata;
};

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw WeightsError(what, where,
                     "the file is damaged or no safetensors file: copy or export it again");
}

int64_t checked_product(int64_t a, int64_t b, const std::string& where) {
  if (b != 0 && a > std::numeric_limits<int64_t>::max() / b)
    refuse("the shape is too large", where);
  return a * b;
}

std::vector<int64_t> integers(const json& array, const std::string& what,
                              const std::string& where) {
  if (!array.is_array()) refuse(what + " is no list", where);
  std::vector<int64_t> values;
  for (const json& item : array) {
    const bool fits = item.is_number_unsigned() && item.get<uint64_t>() <= uint64_t{1} << 53;
    if (!fits) refuse(what + " holds something that is no sensible whole number", where);
    values.push_back(item.get<int64_t>());
  }
  return values;
}

Entry parse_entry(const std::string& name, const json& described, int64_t data_bytes,
                  int64_t data_at, const std::string& file) {
  const std::string where = file + ", tensor '" + name.substr(0, 200) + "'";
  if (!described.is_object() || described.size() != 3)
    refuse("a tensor needs dtype, shape and data_offsets, and nothing else", where);
  Entry entry;
  entry.info.name = name;
  entry.info.dtype = json_field<std::string>(described, "dtype", where, ErrorKind::kWeights);
  entry.dtype = dtype_named(entry.info.dtype);
  if (entry.dtype == nullptr)
    refuse("the type '" + entry.info.dtype.substr(0, 20) + "' is not known", where);
  entry.info.shape = integers(json_field<json>(described, "shape", where, ErrorKind::kWeights),
                              "the shape", where);
  const std::vector<int64_t> offsets =
      integers(json_field<json>(described, "data_offsets", where, ErrorKind::kWeights),
               "data_offsets", where);
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_bytes)
    refuse("the data lie outside the file", where);
  int64_t bytes = entry.dtype->bytes;
  for (const int64_t side : entry.info.shape) bytes = checked_product(bytes, side, where);
  if (bytes != offsets[1] - offsets[0])
    refuse("shape and type need " + std::to_string(bytes) + " bytes, not " +
               std::to_string(offsets[1] - offsets[0]),
           where);
  entry.info.bytes = bytes;
  entry.begin = data_at + offsets[0];
  return entry;
}

void require_no_holes(std::vector<Entry>& entries, int64_t data_at, int64_t data_bytes,
                      const std::string& file) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.info.bytes) < std::pair(b.begin, b.info.bytes);
  });
  int64_t at = data_at;
  for (const Entry& entry : entries) {
    if (entry.begin != at)
      refuse(entry.begin < at ? "tensors overlap" : "there is a hole before this tensor",
             file + ", tensor '" + entry.info.name + "'");
    at += entry.info.bytes;
  }
  if (at != data_at + data_bytes) refuse("there are bytes that belong to no tensor", file);
}

Header read_header(const FileDescriptor& file, const std::filesystem::path& path) {
  const std::string where = path.string();
  const int64_t total = file_bytes(file, path);
  if (total < kLengthBytes) refuse("the file has only " + std::to_string(total) + " bytes", where);
  uint64_t length = 0;
  read_exactly_at(file, 0, &length, kLengthBytes, path);
  if (length > static_cast<uint64_t>(kLargestHeaderBytes) ||
      static_cast<int64_t>(length) > total - kLengthBytes) {
    refuse("the header's length of " + std::to_string(length) + " bytes is not possible", where);
  }
  std::string text(length, '\0');
  read_exactly_at(file, kLengthBytes, text.data(), static_cast<int64_t>(length), path);
  if (text.empty() || text.front() != '{') refuse("the header does not begin with '{'", where);
  const json root = parse_json(text, where, ErrorKind::kWeights);
  const int64_t data_at = kLengthBytes + static_cast<int64_t>(length);
  Header header;
  for (const auto& [name, described] : root.items()) {
    if (name == kMetadataKey) {
      for (const auto& [key, value] : described.items()) {
        if (!value.is_string()) refuse("metadata '" + key.substr(0, 40) + "' is no text", where);
        header.metadata[key] = value.get<std::string>();
      }
    } else {
      header.entries.push_back(parse_entry(name, described, total - data_at, data_at, where));
    }
  }
  require_no_holes(header.entries, data_at, total - data_at, where);
  return header;
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
    const Header header = read_header(file, path);
    TensorFile out;
    out.metadata = header.metadata;
    for (const Entry& entry : header.entries) {
      torch::Tensor tensor = torch::empty(entry.info.shape, entry.dtype->type);
      read_exactly_at(file, entry.begin, tensor.data_ptr(), entry.info.bytes, path);
      out.tensors.emplace(entry.info.name, tensor);
    }
    return out;
  });
}

std::vector<TensorInfo> list_safetensors(const std::filesystem::path& path,
                                         std::map<std::string, std::string>* metadata) {
  return as_weights_error([&] {
    const FileDescriptor file = open_weights(path);
    Header header = read_header(file, path);
    std::vector<TensorInfo> list;
    for (Entry& entry : header.entries) list.push_back(std::move(entry.info));
    if (metadata != nullptr) *metadata = std::move(header.metadata);
    return list;
  });
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
