// The name of this machine, for messages and for names that tell processes of machines apart.
// Thread-safe.
#pragma once

#include <string>

namespace catamaran {

// "localhost" where the system does not say.
std::string host_name();

}  // namespace catamaran
