// Ranks that were started with different configurations, programs or data are refused before the
// first step.
//
//   require_same_everywhere(group, "the configuration", sha256(resolved_config));
//
// Errors: UsageError on every rank, naming the ranks that differ from rank 0. Only the thread that
// runs the step loop.
#pragma once

#include <string>

#include "comm/process_group.h"

namespace catamaran {

void require_same_everywhere(ProcessGroup& group, const std::string& what,
                             const std::string& digest);

}  // namespace catamaran
