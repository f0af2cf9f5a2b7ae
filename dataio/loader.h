// Loader: worker threads turn samples into batches ahead of the step loop, delivered in order.
//
//   LoaderOptions options;
//   options.sample = {.size = 448, .seed = 1, .augment = {}, .training = true};
//   options.threads = 2;
//   Loader loader(pack, options, [&](int64_t k) { return keys_of_batch(k); }, first_batch);
//   while (std::optional<Batch> batch = loader.next()) { ... }
//
// keys_of_batch(k) names the samples of batch k and returns none when there is no such batch; it is
// called by one worker at a time, for k = first_batch, first_batch + 1, ... Pixels depend on (seed,
// epoch, index) only, and where augment.mixes() on the neighbour in the batch, whatever the
// threads. next() blocks until the next batch is ready. A read that takes longer than
// patience_seconds is warned of; one that takes longer than timeout_seconds is a DataError of
// next() that names host, image and pack (where the time-out is the shorter of the two, no warning
// goes before it). An error in a worker (DataError naming the image) is thrown by next() in its
// place in the order. With skip_bad a sample that cannot be read or decoded is replaced by another
// image, which seed, epoch and index decide, and counted. Destruction stops the workers at once; a
// read that does not return within two seconds is left alone: its thread ends when it does, or with
// the process, touching nothing of the caller's. The loader keeps the pack open. A read counts as
// too long at a second look a second later, so that a job may be suspended. next(): one thread at a
// time; counters(): Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "dataio/batch.h"
#include "dataio/pack_reader.h"
#include "dataio/sample_maker.h"
#include "dataio/sample_order.h"

namespace catamaran {

struct LoaderOptions {
  SampleOptions sample;
  int64_t threads = 1;           // > 0
  int64_t prefetch_batches = 4;  // ready or in work at most, > 0
  int64_t cache_bytes = 0;       // of stored images in memory (dataio/image_cache.h)
  bool skip_bad = false;         // for training; evaluation counts every image
  double patience_seconds = 30;  // of a read before it is warned of
  double timeout_seconds = 600;  // of a read before next() throws; 0: never
  // Told of each image that was made (or failed), when: seconds of the steady clock. Called by the
  // workers' threads at once; one left behind may call it when the loader is gone.
  std::function<void(int64_t thread, double start_seconds, double end_seconds)> on_image = {};
};

using KeysOfBatch = std::function<std::vector<SampleKey>(int64_t batch)>;

struct LoaderCounters {
  int64_t images = 0;
  int64_t read_bytes = 0;
  int64_t cache_hits = 0;
  double decode_seconds = 0;  // over all workers: read, decode, resize, augment
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
  // next(), also one that another thread waits in, gives no batch any more. Thread-safe.
  void stop();
  LoaderCounters counters() const;

 private:
  class Workers;
  std::shared_ptr<Workers> workers_;   // each thread has its share
  std::vector<std::jthread> threads_;  // last: stopped and joined first where one cannot start
};

}  // namespace catamaran
