// From the axes of a sweep to the settings of its points: every combination of one alternative an
// axis, the last axis varying fastest, without the settings whose conditions do not hold there.
//
//   const std::vector<Assignment> points = expand(file, base);
//
// A condition looks at the point's own setting of its key, else at `base`, the values of the common
// configuration. Settings that are left out can leave out others that depend on them. Points that
// become the same in this way count once; points that the file names twice stay twice. Pure
// functions; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "launch/sweep_file.h"

namespace catamaran {

// How many combinations there are; beyond kMostSweepPoints it is at least one more.
int64_t combinations(const std::vector<SweepAxis>& axes);

// The two are one number, or one text.
bool is_same_value(const std::string& one, const std::string& other);

// base: key to value as TOML. combinations() has been checked.
std::vector<Assignment> expand(const SweepFile& file,
                               const std::map<std::string, std::string>& base);

}  // namespace catamaran
