#include "dataio/loader_bench.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "dataio/jpeg_decoder.h"
#include "dataio/resize.h"
#include "support/clock.h"
#include "support/memory_state.h"
#include "support/progress.h"

namespace catamaran {
namespace {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// What libjpeg alone needs for the crops of a round.
double decode_round(const PackReader& pack, const SampleOptions& sample, const SampleOrder& order,
                    int64_t round) {
  JpegDecoder decoder;
  Resizer resizer;
  std::vector<uint8_t> jpeg;
  double seconds = 0;
  for (int64_t batch = 0; batch < order.steps_per_epoch(); ++batch) {
    for (const SampleKey& key : order.step(round * order.steps_per_epoch() + batch)) {
      pack.read_image(key.index, jpeg);
      const Placement placement = place(sample, pack.stored_size(key.index), key);
      Stopwatch watch;
      const ImageSize size = decoder.open(jpeg, pack.id(key.index));
      seconds += watch.lap();
      const PixelWindow window = resizer.plan(size, placement, sample.size);
      watch.lap();
      decoder.decode(window);
      seconds += watch.lap();
    }
  }
  return seconds;
}

// A loader of its own for each round, so that nothing is made ahead of the clock or behind it.
void load_round(const PackReader& pack, const LoaderBenchOptions& options, const SampleOrder& order,
                int64_t round, LoaderBench& bench) {
  const int64_t steps = order.steps_per_epoch();
  const auto batch_of = [&](int64_t k) {
    return k < (round + 1) * steps ? order.step(k) : std::vector<SampleKey>();
  };
  const Stopwatch watch;
  Loader loader(pack, options.loader, batch_of, round * steps);
  std::optional<Batch> last;
  bench.images = 0;
  while (std::optional<Batch> batch = loader.next()) {
    bench.images += batch->images;
    last = std::move(batch);
  }
  if (round > 0) bench.seconds.push_back(watch.seconds());
  if (round > 0) bench.resident_bytes.push_back(resident_bytes());
  bench.read_bytes = loader.counters().read_bytes;
  const int64_t bytes = last->images * last->height * last->width * 3;
  bench.mean_pixel = std::accumulate(last->pixels.get(), last->pixels.get() + bytes, 0.0) /
                     static_cast<double>(bytes);
}

}  // namespace

double LoaderBench::images_per_second() const {
  return static_cast<double>(images) / median(seconds);
}

double LoaderBench::share_of_limit() const {
  return median(decode_seconds) / (median(seconds) * static_cast<double>(threads));
}

LoaderBench bench_loader(const PackReader& pack, const LoaderBenchOptions& options) {
  const SampleOptions& sample = options.loader.sample;
  const SampleOrder order(sample.seed, pack.images(), std::min(options.batch, pack.images()));
  LoaderBench bench;
  bench.threads = options.loader.threads;
  Progress progress("measuring", options.rounds + 1, "rounds", options.progress);
  for (int64_t round = 0; round <= options.rounds; ++round) {
    load_round(pack, options, order, round, bench);
    if (round > 0 && pack.pixels() == 0 && sample.exactness == Exactness::kExact)
      bench.decode_seconds.push_back(decode_round(pack, sample, order, round));
    progress.advance(1);
  }
  return bench;
}

}  // namespace catamaran
