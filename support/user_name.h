// Whose process this is, for messages and records.
//
//   user_name()       // "ada", or "1004" where the system has no name for the number
//
// Thread-safe.
#pragma once

#include <string>

namespace catamaran {

std::string user_name();

}  // namespace catamaran
