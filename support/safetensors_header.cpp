#include "support/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int64_t kLengthBytes = 8;
constexpr uint64_t kLargestNumber = uint64_t{1} << 53;  // what every JSON reader keeps exactly
constexpr size_t kMostDimensions = 64;
constexpr size_t kMostTensors = size_t{1} << 16;
constexpr const char* kMetadataKey = "__metadata__";
constexpr std::array<std::pair<std::string_view, int64_t>, 10> kDtypeBytes = {{{"F64", 8},
                                                                               {"F32", 4},
                                                                               {"F16", 2},
                                                                               {"BF16", 2},
                                                                               {"I64", 8},
                                                                               {"I32", 4},
                                                                               {"I16", 2},
                                                                               {"I8", 1},
                                                                               {"U8", 1},
                                                                               {"BOOL", 1}}};

// What Python's torch.save and torch.jit.save write begins like this: a zip archive, or a pickle.
void refuse_torch_archives(std::string_view first_bytes, const std::string& where) {
  if (!first_bytes.starts_with("PK\x03\x04") && !first_bytes.starts_with("\x80\x02")) return;
  throw WeightsError(
      "it is a PyTorch or TorchScript archive, not a safetensors file", where,
      "turn it into one: scripts/weights_to_safetensors.py " + where + " OUT.safetensors");
}

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw WeightsError(what, where,
                     "the file is damaged or no safetensors file: copy or export it again");
}

// A name from the file, fit for one line of a message.
std::string in_quotes(const std::string& name) {
  constexpr size_t kMost = 200;
  std::string line = printable(name.substr(0, kMost));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, '?');
  return "'" + line + (name.size() > kMost ? "...'" : "'");
}

std::string tensor_in(const std::string& where, const std::string& name) {
  return where + ", tensor " + in_quotes(name);
}

// Takes the header's JSON apart as it is read: nothing is stored that does not belong in a header.
class HeaderReader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit HeaderReader(std::string where) : where_(std::move(where)) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) {
    if (place_ == Place::kStart) {
      place_ = Place::kTop;
    } else if (place_ == Place::kTop && key_ == kMetadataKey) {
      place_ = Place::kMetadata;
    } else if (place_ == Place::kTop) {
      place_ = Place::kTensor;
      if (header_.entries.size() == kMostTensors)
        refuse("there are more than " + std::to_string(kMostTensors) + " tensors", where_);
      header_.entries.emplace_back().name = key_;
      fields_.clear();
      end_ = 0;
    } else {
      refuse_value("an object");
    }
    return true;
  }

  bool key(string_t& key) {
    const bool is_new = place_ == Place::kTop        ? names_.insert(key).second
                        : place_ == Place::kMetadata ? !header_.metadata.contains(key)
                                                     : fields_.insert(key).second;
    if (!is_new) refuse("the key " + in_quotes(key) + " occurs twice", here());
    if (place_ == Place::kTensor && key != "dtype" && key != "shape" && key != "data_offsets")
      refuse("a tensor needs dtype, shape and data_offsets, and nothing else", here());
    key_ = std::move(key);
    return true;
  }

  bool end_object() {
    if (place_ == Place::kTensor && fields_.size() != 3)
      refuse("a tensor needs dtype, shape and data_offsets, and nothing else", here());
    if (place_ == Place::kTensor) offsets_.push_back({begin_, end_});
    place_ = place_ == Place::kTop ? Place::kEnd : Place::kTop;
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ != Place::kTensor || key_ == "dtype") refuse_value("a list");
    place_ = key_ == "shape" ? Place::kShape : Place::kOffsets;
    count_ = 0;
    return true;
  }

  bool end_array() {
    if (place_ == Place::kOffsets && count_ != 2)
      refuse("data_offsets needs a begin and an end", here());
    place_ = Place::kTensor;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) {
    if (place_ != Place::kShape && place_ != Place::kOffsets) refuse_value("a number");
    if (value > kLargestNumber) refuse_number();
    if (++count_ > kMostDimensions) refuse("the shape has too many dimensions", here());
    if (place_ == Place::kShape) {
      header_.entries.back().shape.push_back(static_cast<int64_t>(value));
    } else {
      (count_ == 1 ? begin_ : end_) = static_cast<int64_t>(value);
    }
    return true;
  }

  bool string(string_t& value) {
    if (place_ == Place::kMetadata) {
      header_.metadata.emplace(key_, std::move(value));
    } else if (place_ == Place::kTensor && key_ == "dtype") {
      if (safetensors_dtype_bytes(value) == 0)
        refuse("the type " + in_quotes(value.substr(0, 20)) + " is not known", here());
      header_.entries.back().dtype = std::move(value);
    } else {
      refuse_value("text");
    }
    return true;
  }

  bool number_integer(number_integer_t) { return refuse_number(); }  // only negative ones
  bool number_float(number_float_t, const string_t&) { return refuse_number(); }
  bool null() { return refuse_value("null"); }
  bool boolean(bool) { return refuse_value("true or false"); }
  bool binary(binary_t&) { return refuse_value("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    refuse("the header is not valid JSON in UTF-8 at its byte " + std::to_string(position), where_);
  }

  // Begin and end of each entry's data, as the file has them.
  const std::vector<std::pair<int64_t, int64_t>>& offsets() const { return offsets_; }

 private:
  enum class Place { kStart, kTop, kMetadata, kTensor, kShape, kOffsets, kEnd };

  std::string here() const {
    const bool in_tensor =
        place_ == Place::kTensor || place_ == Place::kShape || place_ == Place::kOffsets;
    return in_tensor ? tensor_in(where_, header_.entries.back().name) : where_;
  }
  bool refuse_number() const {
    if (place_ != Place::kShape && place_ != Place::kOffsets) refuse_value("a number");
    refuse(std::string(place_ == Place::kShape ? "the shape" : "data_offsets") +
               " holds something that is no sensible whole number",
           here());
  }
  bool refuse_value(const char* kind) const {
    if (place_ == Place::kStart) refuse("the header is no JSON object", where_);
    refuse(std::string(kind) + " where it does not belong, after the key " + in_quotes(key_),
           here());
  }

  std::string where_;
  SafetensorsHeader header_;
  Place place_ = Place::kStart;
  std::string key_;
  std::set<std::string> names_;   // of all tensors
  std::set<std::string> fields_;  // of the tensor at hand
  size_t count_ = 0;              // numbers in the list at hand
  int64_t begin_ = 0;
  int64_t end_ = 0;
  std::vector<std::pair<int64_t, int64_t>> offsets_;
};

int64_t checked_product(int64_t a, int64_t b, const std::string& where) {
  if (b != 0 && a > std::numeric_limits<int64_t>::max() / b)
    refuse("the shape is too large", where);
  return a * b;
}

void place_entry(SafetensorsEntry& entry, std::pair<int64_t, int64_t> offsets, int64_t data_bytes,
                 const std::string& file) {
  const std::string where = tensor_in(file, entry.name);
  const auto [begin, end] = offsets;
  if (begin > end || end > data_bytes) refuse("the data lie outside the file", where);
  int64_t bytes = safetensors_dtype_bytes(entry.dtype);
  for (const int64_t side : entry.shape) bytes = checked_product(bytes, side, where);
  if (bytes != end - begin) {
    refuse("shape and type need " + std::to_string(bytes) + " bytes, not " +
               std::to_string(end - begin),
           where);
  }
  entry.begin = begin;
  entry.bytes = bytes;
}

void require_no_holes(std::vector<SafetensorsEntry>& entries, int64_t data_bytes,
                      const std::string& file) {
  std::sort(entries.begin(), entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::tie(a.begin, a.bytes, a.name) < std::tie(b.begin, b.bytes, b.name);
            });
  int64_t at = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != at) {
      refuse(entry.begin < at ? "tensors overlap" : "there is a hole before this tensor",
             tensor_in(file, entry.name));
    }
    at += entry.bytes;
  }
  if (at != data_bytes) refuse("there are bytes that belong to no tensor", file);
}

}  // namespace

int64_t safetensors_dtype_bytes(std::string_view dtype) {
  for (const auto& [name, bytes] : kDtypeBytes) {
    if (name == dtype) return bytes;
  }
  return 0;
}

SafetensorsHeader parse_safetensors_header(std::string_view json, int64_t data_bytes,
                                           const std::string& where) {
  if (json.empty() || json.front() != '{') refuse("the header does not begin with '{'", where);
  if (json.find('\0') != std::string_view::npos)  // the JSON reader would take it for the end
    refuse("the header is not valid JSON in UTF-8: it holds a zero byte", where);
  HeaderReader reader(where);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  SafetensorsHeader header = reader.take();
  for (size_t i = 0; i < header.entries.size(); ++i)
    place_entry(header.entries[i], reader.offsets()[i], data_bytes, where);
  require_no_holes(header.entries, data_bytes, where);
  return header;
}

SafetensorsHeader read_safetensors_header(const FileDescriptor& file,
                                          const std::filesystem::path& path) {
  const std::string where = path.string();
  const int64_t total = file_bytes(file, path);
  if (total < kLengthBytes) refuse("the file has only " + std::to_string(total) + " bytes", where);
  std::array<unsigned char, kLengthBytes> raw{};
  read_exactly_at(file, 0, raw.data(), kLengthBytes, path);
  refuse_torch_archives({reinterpret_cast<const char*>(raw.data()), raw.size()}, where);
  uint64_t length = 0;
  for (size_t i = raw.size(); i-- > 0;) length = length << 8 | raw[i];
  if (length > static_cast<uint64_t>(total - kLengthBytes))
    refuse("the header is said to have " + std::to_string(length) + " bytes, the file has " +
               std::to_string(total),
           where);
  if (length > static_cast<uint64_t>(kSafetensorsLargestHeaderBytes)) {
    refuse("the header has " + std::to_string(length) + " bytes, more than the limit of " +
               std::to_string(kSafetensorsLargestHeaderBytes),
           where);
  }
  std::string json(length, '\0');
  read_exactly_at(file, kLengthBytes, json.data(), static_cast<int64_t>(length), path);
  SafetensorsHeader header =
      parse_safetensors_header(json, total - kLengthBytes - static_cast<int64_t>(length), where);
  for (SafetensorsEntry& entry : header.entries)
    entry.begin += kLengthBytes + static_cast<int64_t>(length);
  return header;
}

}  // namespace catamaran
