#include "support/error.h"

#include <cstring>
#include <utility>

namespace catamaran {
namespace {

std::string sentence(const std::string& what, const std::string& where, const std::string& hint) {
  std::string text = where.empty() ? what : where + ": " + what;
  if (!hint.empty()) text += "; " + hint;
  return text;
}

}  // namespace

Error::Error(ErrorKind kind, const std::string& what, std::string where, std::string hint)
    : std::runtime_error(sentence(what, where, hint)),
      kind_(kind),
      where_(std::move(where)),
      hint_(std::move(hint)) {}

std::string with_errno(const std::string& clause, int error_number) {
  return clause + ": " +
         std::strerror(error_number);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-safe
}

}  // namespace catamaran
