#include "launch/host_list.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace catamaran {
namespace {

constexpr size_t kMostDigits = 9;  // a longer number is a name

// Where the number at the end of a name begins; its size where there is none.
size_t number_begins(const std::string& name) {
  size_t begin = name.size();
  while (begin > 0 && name[begin - 1] >= '0' && name[begin - 1] <= '9') --begin;
  return name.size() - begin > kMostDigits ? name.size() : begin;
}

std::string padded(int64_t number, size_t digits) {
  const std::string text = std::to_string(number);
  return std::string(digits > text.size() ? digits - text.size() : 0, '0') + text;
}

// "08-10,12": neighbours as ranges.
std::string ranges_text(const std::set<int64_t>& numbers, size_t digits) {
  std::string text;
  for (auto first = numbers.begin(); first != numbers.end();) {
    auto last = first;
    auto next = std::next(first);
    while (next != numbers.end() && *next == *last + 1) last = next++;
    text += (text.empty() ? "" : ",") + padded(*first, digits);
    if (last != first) text += "-" + padded(*last, digits);
    first = next;
  }
  return text;
}

}  // namespace

std::string host_list_text(const std::vector<std::string>& hosts) {
  // By what stands before the number and how many digits that has at the least.
  std::map<std::pair<std::string, size_t>, std::set<int64_t>> groups;
  std::set<std::string> names;  // without a number
  for (const std::string& host : hosts) {
    const size_t begin = number_begins(host);
    if (begin == host.size()) {
      names.insert(host);
      continue;
    }
    const std::string digits = host.substr(begin);
    const size_t width = digits[0] == '0' ? digits.size() : 1;
    groups[{host.substr(0, begin), width}].insert(std::stoll(digits));
  }
  // "n10" goes with "n08" and "n09": as many digits, no zero in front.
  for (auto& [key, numbers] : groups) {
    const auto& [prefix, width] = key;
    const auto plain = groups.find({prefix, 1});
    if (width == 1 || plain == groups.end()) continue;
    for (auto number = plain->second.begin(); number != plain->second.end();) {
      if (std::to_string(*number).size() == width) {
        numbers.insert(*number);
        number = plain->second.erase(number);
      } else {
        ++number;
      }
    }
  }
  for (const auto& [key, numbers] : groups) {
    if (numbers.empty()) continue;
    const std::string list = ranges_text(numbers, key.second);
    names.insert(key.first + (numbers.size() == 1 ? list : "[" + list + "]"));
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace catamaran
