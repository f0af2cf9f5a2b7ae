#include "support/problems.h"

#include <algorithm>

#include "support/error.h"
#include "support/nearest.h"

namespace catamaran {

void Problems::require(bool holds, const std::string& key, const std::string& rule,
                       const std::string& hint) {
  if (!holds) list_.push_back(table_ + key + ": " + rule + (hint.empty() ? "" : "; " + hint));
}

void Problems::require_one_of(const std::string& key, const std::string& value,
                              const std::vector<std::string>& known) {
  std::string all;
  for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
  require(std::find(known.begin(), known.end(), value) != known.end(), key,
          "'" + value + "' is not known" + did_you_mean(value, known), "use one of " + all);
}

void Problems::add(const std::vector<std::string>& more) {
  list_.insert(list_.end(), more.begin(), more.end());
}

void throw_if_any(const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  if (problems.size() == 1) {
    const std::string& only = problems.front();
    const size_t colon = only.find(": ");
    throw UsageError(only.substr(colon + 2), only.substr(0, colon), "");
  }
  std::string text = std::to_string(problems.size()) + " mistakes:";
  for (const std::string& problem : problems) text += "\n  " + problem;
  throw UsageError(text, "options", "");
}

}  // namespace catamaran
