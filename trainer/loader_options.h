// What a run's configuration says about its loaders: training's, and with sample.training = false
// evaluation's.
//
//   LoaderOptions options = loader_options(run_options, group.threads());
//
// threads: where data.threads is 0. Thread-safe.
#pragma once

#include "dataio/loader.h"
#include "trainer/options.h"

namespace catamaran {

inline LoaderOptions loader_options(const RunOptions& options, int64_t threads) {
  LoaderOptions loading;
  loading.sample = {.size = options.model.input.size,
                    .seed = options.seed,
                    .augment = options.data.augment,
                    .training = true,
                    .exactness = exactness_of(options.data.decode),
                    .center_crop = options.evaluate.view.shorter_side(options.model.input.size)};
  loading.threads = options.data.threads > 0 ? options.data.threads : threads;
  loading.prefetch_batches = options.data.prefetch_batches;
  loading.cache_bytes = options.data.cache_mib << 20;
  loading.timeout_seconds = options.read_timeout_seconds();
  loading.skip_bad = options.data.on_bad_sample == "skip";
  return loading;
}

}  // namespace catamaran
