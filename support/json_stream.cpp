#include "support/json_stream.h"

#include <cerrno>
#include <fstream>

#include "support/json.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr int kRoot = 0;
constexpr int kRootKey = 1;  // depths as the parser counts them
constexpr int kElement = 2;  // of a list of the root
constexpr int kElementKey = 3;

// What the parser asks at each event: whether to keep what it has read.
class ItemWatcher {
 public:
  ItemWatcher(const JsonItems& wanted, const JsonItemReader& read, std::string where,
              ErrorKind kind)
      : wanted_(wanted), read_(read), where_(std::move(where)), kind_(kind) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    using Event = json::parse_event_t;
    if (depth > kJsonDeepest)
      refuse("it is nested more than " + std::to_string(kJsonDeepest) + " levels deep");
    switch (event) {
      case Event::object_start:
        if (depth == kElement) element_keys_.clear();
        return keep_structure(depth, /*is_list=*/false);
      case Event::array_start:
        return keep_structure(depth, /*is_list=*/true);
      case Event::key:
        return keep_key(depth, parsed.get<std::string>());
      case Event::object_end:
      case Event::value:
      case Event::array_end:
        return keep_value(depth, event, parsed);
    }
    return true;
  }
  const std::set<std::string>& seen() const { return seen_; }

 private:
  // What is to be kept has one shape; of any other nothing is kept, whatever its size.
  bool keep_structure(int depth, bool is_list) {
    if (depth == kRoot && is_list) refuse("it is a list, not an object");
    if (depth == kRootKey) {
      in_list_ = is_list && wanted_.lists.contains(list_);
      if (in_list_) seen_.insert(list_);
      return in_list_;
    }
    if (depth == kElement && in_list_ && is_list)
      refuse("an element of '" + list_ + "' is a list, not an object");
    if (depth == kElementKey && in_list_ && wanted_.keys.contains(key_))
      refuse("the key '" + key_ + "' has the wrong type");
    return true;
  }

  // Only keys that are kept are remembered: the others may be as many as the file has room for.
  bool keep_key(int depth, const std::string& key) {
    if (depth == kRootKey) {
      list_ = key;
      if (!wanted_.lists.contains(key)) return false;
      if (!root_keys_.insert(key).second) refuse("the key '" + key + "' occurs twice");
      return true;
    }
    if (depth != kElementKey || !in_list_) return false;
    key_ = key;
    if (!wanted_.keys.contains(key)) return false;
    if (!element_keys_.insert(key).second) refuse("the key '" + key + "' occurs twice");
    return true;
  }

  bool keep_value(int depth, json::parse_event_t event, const json& parsed) {
    if (depth == kRootKey && event == json::parse_event_t::array_end) in_list_ = false;
    if (depth != kElement || !in_list_) return true;
    read_(list_, parsed);
    return false;
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(kind_, "not acceptable as JSON: " + what, where_, "");
  }

  const JsonItems& wanted_;
  const JsonItemReader& read_;
  std::string where_;
  ErrorKind kind_;
  std::set<std::string> root_keys_;
  std::set<std::string> element_keys_;  // of the element that is being read
  std::set<std::string> seen_;
  std::string list_;
  std::string key_;
  bool in_list_ = false;
};

}  // namespace

std::set<std::string> read_json_items(const std::filesystem::path& path, ErrorKind kind,
                                      const JsonItems& wanted, const JsonItemReader& read) {
  require_json_file(path, kind);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(kind, with_errno("cannot open the file", errno), path.string(),
                "check the path and its permissions");
  }
  std::error_code code;
  const auto bytes = std::filesystem::file_size(path, code);
  if (!code) require_json_size(static_cast<int64_t>(bytes), wanted.largest_bytes, path, kind);
  ItemWatcher watcher(wanted, read, path.string(), kind);
  const auto watch = [&watcher](int depth, json::parse_event_t event, json& parsed) {
    return watcher(depth, event, parsed);
  };
  try {
    if (!json::parse(file, watch).is_object())
      throw Error(kind, "it is no JSON object", path.string(), "is it the right file?");
  } catch (const json::exception& problem) {
    throw json_error(problem, path.string(), kind);
  } catch (const std::ios_base::failure&) {  // of a disk
    throw Error(kind, with_errno("cannot read the file", errno), path.string(), "check the disk");
  }
  return watcher.seen();
}

}  // namespace catamaran
