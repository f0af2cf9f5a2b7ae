// A run's status for programs: `catamaran status --json` prints a list of these. Every key is
// always there; what is not known is null. Keys: docs/formats.md.
//
//   json_text(run_status_json(read_run_status(run)))
//
// Pure function; thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "monitoring/run_status.h"

namespace catamaran {

nlohmann::ordered_json run_status_json(const RunStatus& status);

}  // namespace catamaran
