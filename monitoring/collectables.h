// What the endpoint serves of a Metrics: the run's registry and the process's own series.
// Thread-safe.
#pragma once

#include <prometheus/collectable.h>

#include <memory>
#include <vector>

#include "monitoring/metrics.h"

namespace catamaran {

std::vector<std::shared_ptr<prometheus::Collectable>> collectables_of(const Metrics& metrics);

}  // namespace catamaran
