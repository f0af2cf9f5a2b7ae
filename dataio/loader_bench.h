// How fast a loader is, and how fast it could be: rounds of whole epochs of the loader, each
// followed by the same crops with the JPEG decoder alone, on one thread.
//
//   const LoaderBench bench = bench_loader(pack, {.loader = options, .batch = 32, .rounds = 3});
//   bench.share_of_limit();
//
// A first epoch, not counted, brings the pack into the page cache. Errors: those of the loader. One
// thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "dataio/loader.h"
#include "dataio/pack_reader.h"

namespace catamaran {

struct LoaderBenchOptions {
  LoaderOptions loader;
  int64_t batch = 32;
  int64_t rounds = 3;
  bool progress = true;
};

struct LoaderBench {
  int64_t images = 0;                  // of a round
  int64_t read_bytes = 0;              // and so
  std::vector<double> seconds;         // per round, of the loader
  std::vector<double> decode_seconds;  // per round, of the decoder alone; or none: share_of_limit()
  std::vector<int64_t> resident_bytes;  // after each round
  double mean_pixel = 0;                // of the last batch: that pictures came, and nothing else
  int64_t threads = 1;

  double images_per_second() const;
  // The decoder's own time as a share of that of the loader's threads; 0 for pixel packs and fast
  // decoding, which have no such limit.
  double share_of_limit() const;
};

LoaderBench bench_loader(const PackReader& pack, const LoaderBenchOptions& options);

}  // namespace catamaran
