#include "support/error.h"

#include <array>
#include <cstring>
#include <utility>

namespace catamaran {
namespace {

std::string sentence(const std::string& what, const std::string& where, const std::string& hint) {
  std::string text = where.empty() ? what : where + ": " + what;
  if (!hint.empty()) text += "; " + hint;
  return text;
}

constexpr std::array<std::pair<ErrorKind, const char*>, 6> kKinds = {{
    {ErrorKind::kUsage, "usage"},
    {ErrorKind::kData, "data"},
    {ErrorKind::kWeights, "weights"},
    {ErrorKind::kCommunication, "communication"},
    {ErrorKind::kNumerics, "numerics"},
    {ErrorKind::kInternal, "internal"},
}};

}  // namespace

const char* name_of(FaultClass fault) {
  switch (fault) {
    case FaultClass::kRetryable:
      return "retryable";
    case FaultClass::kBadNode:
      return "bad node";
    case FaultClass::kBug:
      return "bug";
    case FaultClass::kUnknown:
      break;
  }
  return "unknown";
}

std::string words_of(FaultClass fault, const std::vector<std::string>& hosts) {
  std::string names;
  for (const std::string& host : hosts) names += (names.empty() ? "" : ",") + host;
  switch (fault) {
    case FaultClass::kRetryable:
      return " (retryable: the same command may go on)";
    case FaultClass::kBadNode:
      return " (bad node: start again without " + names +
             ", exclude_hosts of failure.json in the run directory)";
    case FaultClass::kBug:
      return " (a bug, of this program or one that it uses: please report it)";
    case FaultClass::kUnknown:
      break;
  }
  return "";
}

std::string kind_name(ErrorKind kind) {
  for (const auto& [known, name] : kKinds) {
    if (known == kind) return name;
  }
  return "internal";
}

std::optional<ErrorKind> kind_named(const std::string& name) {
  for (const auto& [kind, known] : kKinds) {
    if (name == known) return kind;
  }
  return std::nullopt;
}

Error::Error(ErrorKind kind, const std::string& what, std::string where, std::string hint,
             FaultClass fault, std::vector<std::string> hosts)
    : std::runtime_error(sentence(what, where, hint)),
      kind_(kind),
      where_(std::move(where)),
      hint_(std::move(hint)),
      fault_(fault),
      bad_hosts_(fault == FaultClass::kBadNode ? std::move(hosts) : std::vector<std::string>()) {}

std::string with_errno(const std::string& clause, int error_number) {
  return clause + ": " +
         std::strerror(error_number);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-safe
}

}  // namespace catamaran
