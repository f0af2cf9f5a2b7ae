#include "model/backbone_stages.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace catamaran {
namespace {

// From 1; 0: no stage, the stem.
int64_t stage_number(std::string_view name) {
  for (const auto& [prefix, first] :
       {std::pair<std::string_view, int64_t>{"layer", 1}, {"stages.", 0}, {"blocks.", 0}}) {
    if (!name.starts_with(prefix)) continue;
    int64_t number = 0;
    const std::string_view digits = name.substr(prefix.size());
    if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec == std::errc())
      return number - first + 1;
  }
  return 0;
}

bool behind_the_stages(std::string_view name) {
  return name.starts_with("conv_head.") || name.starts_with("bn2.");
}

}  // namespace

BackboneStages::BackboneStages(const std::vector<std::string>& names) {
  for (const std::string& name : names) last_ = std::max(last_, stage_number(name));
}

int64_t BackboneStages::from_top(std::string_view name) const {
  return behind_the_stages(name) ? 1 : last_ - stage_number(name) + 1;
}

}  // namespace catamaran
