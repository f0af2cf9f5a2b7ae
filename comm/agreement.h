// Ranks that were started with different configurations, programs or data are refused before the
// first step.
//
//   require_same_program(group, "catamaran 1.2.0 (206e51650000), LibTorch 2.15.0");
//   require_same_everywhere(group, "the configuration", sha256(resolved_config));
//
// Errors: UsageError on every rank, naming the ranks that differ from rank 0; of programs also what
// each is. Only the thread that runs the step loop.
#pragma once

#include <string>

#include "comm/process_group.h"

namespace catamaran {

// First of all, as other programs may differ in which collectives come next. program: its version
// and those of its libraries, for people.
void require_same_program(ProcessGroup& group, const std::string& program);
void require_same_everywhere(ProcessGroup& group, const std::string& what,
                             const std::string& digest);

}  // namespace catamaran
