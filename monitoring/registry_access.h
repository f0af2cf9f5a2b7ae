// The registry behind Metrics, for the endpoint that serves it. Thread-safe.
#pragma once

#include <prometheus/registry.h>

#include <memory>

#include "monitoring/metrics.h"

namespace catamaran {

std::shared_ptr<prometheus::Registry> registry_of(const Metrics& metrics);

}  // namespace catamaran
