// catamaran lr-find for launch/, without a word of torch: a learning-rate range test of a run's
// configuration (trainer/rate_search.h), with the step of training itself.
//
//   const RateSearch found = range_test({.options = options, .from = 1e-7, .to = 1}, group);
//
// Nothing is written, and the model is thrown away. All ranks call it together and return the same.
// Errors: those of training's start and of its data. Only the thread that runs the step loop.
#pragma once

#include <cstdint>
#include <string>

#include "comm/process_group.h"
#include "trainer/options.h"
#include "trainer/rate_search.h"

namespace catamaran {

struct RangeTestRequest {
  RunOptions options;  // schedule, optimizer.scaling, average, evaluation are put aside
  std::string resolved_config;
  double from = 1e-7;  // rates of the new layers, after optimizer.scaling
  double to = 1;
  int64_t steps = 100;  // rates from `from` to `to`, at least 2
};

RateSearch range_test(const RangeTestRequest& request, ProcessGroup& group);

}  // namespace catamaran
