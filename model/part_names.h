// What the names of CAT's tensors begin with. No torch. Thread-safe.
#pragma once

#include <string_view>

namespace catamaran {

inline constexpr std::string_view kBackbonePrefix = "backbone.";

// head1, head2, head3
inline bool is_of_heads(std::string_view name) { return name.starts_with("head"); }

}  // namespace catamaran
