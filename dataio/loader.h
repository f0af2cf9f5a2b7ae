// Loader: worker threads turn samples into batches ahead of the step loop, delivered in order.
//
//   LoaderOptions options{.size = 448, .threads = 2, .prefetch_batches = 4, .seed = 1, .augment =
//   {}, .training = true}; Loader loader(pack, options, [&](int64_t k) { return keys_of_batch(k);
//   }, first_batch); while (std::optional<Batch> batch = loader.next()) { ... }
//
// keys_of_batch(k) names the samples of batch k and returns none when there is no such batch; it is
// called by one worker at a time, for k = first_batch, first_batch + 1, ... Pixels depend on (seed,
// epoch, index) only, whatever the threads. next() blocks until the next batch is ready; an error
// in a worker (DataError naming the image) is thrown by next() in its place in the order.
// Destruction stops the workers at once. The pack must outlive the loader. next() and the counters:
// one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "dataio/augment.h"
#include "dataio/batch.h"
#include "dataio/pack_reader.h"
#include "dataio/sample_order.h"

namespace catamaran {

struct LoaderOptions {
  int64_t size = 448;            // side of the square, pixels
  int64_t threads = 1;           // > 0
  int64_t prefetch_batches = 4;  // ready or in work at most, > 0
  uint64_t seed = 0;
  AugmentOptions augment;
  bool training = false;  // false: the whole image, not mirrored
};

using KeysOfBatch = std::function<std::vector<SampleKey>(int64_t batch)>;

struct LoaderCounters {
  int64_t images = 0;
  int64_t read_bytes = 0;
  double decode_seconds = 0;  // over all workers: read, decode, resize
  int64_t ready_batches = 0;  // right now
};

class Loader {
 public:
  Loader(const PackReader& pack, LoaderOptions options, KeysOfBatch keys_of_batch,
         int64_t first_batch = 0, HostAllocator allocator = plain_host_allocator());
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader();

  std::optional<Batch> next();
  LoaderCounters counters() const;

 private:
  class Workers;
  std::unique_ptr<Workers> workers_;
};

}  // namespace catamaran
