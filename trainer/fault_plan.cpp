#include "trainer/fault_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sstream>

#include "support/error.h"

namespace catamaran {
namespace {

constexpr std::array<const char*, 17> kKinds = {
    "throw",       "exit",           "sleep",        "spin",        "slow",         "hoard",
    "bad_alloc",   "nan_gradient",   "scale_loss",   "skip_bucket", "swap_buckets", "cut_bucket",
    "flip_weight", "flip_optimizer", "flip_average", "flip_buffer", "flip_gradient"};

constexpr double kMostOfAmount = 1e6;  // seconds, MiB

[[noreturn]] void refuse(const std::string& part) {
  std::string kinds;
  for (const char* kind : kKinds) kinds += (kinds.empty() ? "" : ", ") + std::string(kind);
  throw UsageError("'" + part + "' is no fault", "testing.fault",
                   "write rank=1,step=7,kind=sleep, several with ; between; kinds: " + kinds);
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

template <typename Number>
Number number(const std::string& text, const std::string& part) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) refuse(part);
  return value;
}

PlannedFault parse_fault(const std::string& part) {
  PlannedFault fault;
  std::istringstream fields(part);
  for (std::string field; std::getline(fields, field, ',');) {
    const size_t equals = field.find('=');
    if (equals == std::string::npos) refuse(part);
    const std::string key = trimmed(field.substr(0, equals));
    const std::string value = trimmed(field.substr(equals + 1));
    if (key == "rank") {
      fault.rank = number<int64_t>(value, part);
    } else if (key == "step") {
      fault.step = number<int64_t>(value, part);
    } else if (key == "kind") {
      fault.kind = value;
    } else if (key == "value") {
      fault.value = number<double>(value, part);
    } else {
      refuse(part);
    }
  }
  const bool amount = fault.kind == "slow" || fault.kind == "hoard";
  if (std::ranges::find(kKinds, fault.kind) == kKinds.end() || fault.step < 1 || fault.rank < 0 ||
      !std::isfinite(fault.value) || (amount && (fault.value < 0 || fault.value > kMostOfAmount)))
    refuse(part);
  return fault;
}

}  // namespace

std::vector<PlannedFault> parse_faults(const std::string& text) {
  std::vector<PlannedFault> faults;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ';');) {
    part = trimmed(part);
    if (!part.empty()) faults.push_back(parse_fault(part));
  }
  return faults;
}

std::vector<std::string> TestingOptions::problems() const {
  try {
    if (!parse_faults(fault).empty() && !enabled)
      return {
          "testing.fault: a fault is asked for, and testing.enabled is false; leave it out, or "
          "set testing.enabled = true where the run may be spoilt"};
  } catch (const UsageError& problem) {
    return {problem.what()};
  }
  return {};
}

}  // namespace catamaran
