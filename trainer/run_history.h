// What the earlier starts of a run, as manifest.json has them, leave to tell in the metrics.
//
//   const RunHistory history = history_of(earlier.lives, first_step);
//
// A start without progress began at the step at which this one begins: no checkpoint came of it.
// Steps that were done again are those that later starts dropped from metrics.jsonl
// ("repeated_steps" of their entries); what this start drops itself, trainer/monitor.h adds, and
// the seconds of the steps that it goes on from. Entries that somebody damaged are no reason to
// fail. A pure function; thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "monitoring/metrics.h"

namespace catamaran {

RunHistory history_of(const nlohmann::json& lives, int64_t first_step);

}  // namespace catamaran
