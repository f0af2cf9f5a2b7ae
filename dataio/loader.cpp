#include "dataio/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "dataio/buffer_pool.h"
#include "dataio/mix.h"
#include "support/assert.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/host_name.h"
#include "support/log.h"
#include "support/philox.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int kMostSubstitutes = 16;  // tried for one sample
constexpr int64_t kBadNamed = 10;     // samples whose ids are logged

void check(const LoaderOptions& options) {
  const auto at_least_one = [](const std::string& key, int64_t value) {
    if (value >= 1) return;
    throw UsageError(std::to_string(value) + " is too few", key, "set it to 1 or more");
  };
  at_least_one("data.size", options.sample.size);
  at_least_one("data.threads", options.threads);
  at_least_one("data.prefetch_batches", options.prefetch_batches);
  if (!options.sample.training) return;
  options.sample.augment.check();
  options.sample.augment.check_size(options.sample.size);
}

// A batch on its way: images [0, claimed) are taken by workers, `open` of them are not done.
struct Work {
  Batch batch;
  std::vector<SampleKey> keys;
  std::vector<uint8_t> made_of_pair;  // per pair, images that are made and not mixed yet
  int64_t claimed = 0;
  int64_t open = 0;
  int64_t failed_image = -1;  // the first in the batch's order that failed
  std::exception_ptr error;

  bool has_unclaimed() const { return error == nullptr && claimed < batch.images; }
  bool done() const { return open == 0 && !has_unclaimed(); }
};

}  // namespace

// One mutex guards the queue; what costs time (naming the keys, decoding) is done without it.
// Workers prefer an image of the earliest batch, so that one slow image delays its batch alone, and
// open a new batch when every image is taken and the queue has room.
class Loader::Workers {
 public:
  Workers(const PackReader& pack, LoaderOptions options, KeysOfBatch keys_of_batch,
          int64_t first_batch, HostAllocator allocator)
      : pack_(pack),
        options_(std::move(options)),
        keys_of_batch_(std::move(keys_of_batch)),
        cache_(pack, options_.cache_bytes),
        doing_(static_cast<size_t>(options_.threads)),
        next_batch_(first_batch),
        pool_(std::move(allocator)) {
    for (Doing& doing : doing_) {
      threads_.emplace_back([this, &doing](const std::stop_token& stop) { run(stop, doing); });
    }
  }

  // All are told to stop before the first is waited for.
  ~Workers() {
    for (std::jthread& thread : threads_) thread.request_stop();
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  std::optional<Batch> next() {
    std::unique_lock lock(mutex_);
    const auto is_ready = [this] { return queue_.empty() ? ended_ : queue_.front().done(); };
    const std::chrono::duration<double> patience(options_.patience_seconds);
    while (!ready_.wait_for(lock, patience, is_ready)) warn_of_slow_reads();
    if (queue_.empty()) return std::nullopt;
    Work work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work_.notify_all();  // there is room for a batch
    if (work.error) std::rethrow_exception(work.error);
    return std::move(work.batch);
  }

  LoaderCounters counters() const {
    const std::lock_guard lock(mutex_);
    LoaderCounters counters = counters_;
    counters.cache_hits = cache_.hits();
    for (const Work& work : queue_) counters.ready_batches += work.done() ? 1 : 0;
    return counters;
  }

 private:
  // What a worker is at, for the one who waits for it.
  struct Doing {
    int64_t image = -1;  // -1: nothing
    Stopwatch since;
  };

  void run(const std::stop_token& stop, Doing& doing) {
    SampleMaker maker(pack_, cache_, options_.sample);
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, stop, [this] { return unclaimed() != nullptr || may_open(); });
      if (stop.stop_requested()) return;
      if (Work* work = unclaimed()) {
        fill_image(*work, work->claimed++, maker, doing, lock);
      } else {
        open_batch(lock);
      }
    }
  }

  Work* unclaimed() {
    for (Work& work : queue_) {
      if (work.has_unclaimed()) return &work;
    }
    return nullptr;
  }
  bool may_open() const {
    return !ended_ && !opening_ && std::ssize(queue_) < options_.prefetch_batches;
  }

  // Called and left with the lock held, like fill_image(); opening_ keeps the others out meanwhile.
  void open_batch(std::unique_lock<std::mutex>& lock) {
    opening_ = true;
    const int64_t number = next_batch_++;
    lock.unlock();
    Work work;
    try {
      work.keys = keys_of_batch_(number);
      if (!work.keys.empty()) prepare(work);
    } catch (...) {
      work.error = std::current_exception();
    }
    lock.lock();
    opening_ = false;
    if (work.error != nullptr || work.keys.empty()) ended_ = true;
    if (work.error != nullptr || !work.keys.empty()) queue_.push_back(std::move(work));
    ready_.notify_all();
    work_.notify_all();
  }

  void prepare(Work& work) {
    Batch& batch = work.batch;
    batch.images = std::ssize(work.keys);
    batch.height = options_.sample.size;
    batch.width = options_.sample.size;
    batch.classes = pack_.classes();
    batch.pixels = pool_.take(batch.images * image_bytes());
    batch.labels.resize(static_cast<size_t>(batch.images * batch.classes));
    batch.indices.resize(work.keys.size());
    for (int64_t i = 0; i < batch.images; ++i) {
      const int64_t index = work.keys[static_cast<size_t>(i)].index;
      CATAMARAN_ASSERT(index >= 0 && index < pack_.images(), "samples are of the pack");
      label(batch, i, index);
    }
    if (mixes()) batch.own_share.assign(work.keys.size(), 1.0F);
    if (mixes()) work.made_of_pair.assign(work.keys.size() / 2, 0);
  }

  void label(Batch& batch, int64_t image, int64_t index) const {
    const std::span<const int8_t> labels = pack_.labels(index);
    std::ranges::copy(labels, batch.labels.begin() + image * batch.classes);
    batch.indices[static_cast<size_t>(image)] = index;
  }

  // A deque's elements stay where they are while others come and go at its ends, and this one
  // stays in the queue while one of its images is open.
  void fill_image(Work& work, int64_t image, SampleMaker& maker, Doing& doing,
                  std::unique_lock<std::mutex>& lock) {
    ++work.open;
    const SampleKey key = work.keys[static_cast<size_t>(image)];
    uint8_t* const out = pixels_of(work.batch, image).data;
    doing = {.image = key.index, .since = Stopwatch()};
    lock.unlock();
    std::exception_ptr error;
    Made made{.used = key};
    try {
      made = make_or_substitute(key, maker, out);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    counters_.decode_seconds += doing.since.seconds();
    counters_.read_bytes += maker.read_bytes();
    counters_.images += error == nullptr ? 1 : 0;
    doing.image = -1;
    work.batch.unreadable += made.unreadable;
    work.batch.undecodable += made.undecodable;
    if (made.used.index != key.index) label(work.batch, image, made.used.index);
    if (error == nullptr && mixes()) mix_pair_of(work, image, lock);
    --work.open;
    if (error != nullptr && (work.error == nullptr || image < work.failed_image)) {
      work.error = error;
      work.failed_image = image;
    }
    if (work.done()) ready_.notify_all();
  }

  struct Made {
    SampleKey used;
    int64_t unreadable = 0;  // samples that were tried before
    int64_t undecodable = 0;
  };

  // Called without the lock.
  Made make_or_substitute(SampleKey key, SampleMaker& maker, uint8_t* out) {
    Made made{.used = key};
    // What takes the place of the key depends on nothing but it.
    PhiloxStream random(options_.sample.seed, Purpose::kSubstitute, key.epoch,
                        static_cast<uint64_t>(key.index));
    for (int attempt = 0;; ++attempt) {
      try {
        maker.make(made.used, out);
        return made;
      } catch (const DataError& problem) {
        if (!options_.skip_bad || attempt == kMostSubstitutes) throw;
        ++(maker.was_read() ? made.undecodable : made.unreadable);
        warn_of(made.used, problem);
        const uint64_t high = uint64_t{random.next()} << 32;
        made.used.index =
            static_cast<int64_t>((high | random.next()) % static_cast<uint64_t>(pack_.images()));
      }
    }
  }

  void warn_of(SampleKey key, const DataError& problem) {
    const int64_t bad = ++bad_;
    if (bad > kBadNamed) return;
    log::warn(text("epoch %u: another image takes the place of '%s': %s%s", key.epoch,
                   pack_.id(key.index).c_str(), problem.what(),
                   bad == kBadNamed ? " (further ones are counted only)" : ""));
  }

  // The second of a pair to be made mixes it. Called and left with the lock held.
  void mix_pair_of(Work& work, int64_t image, std::unique_lock<std::mutex>& lock) {
    const int64_t first = image & ~int64_t{1};
    if (first + 1 >= work.batch.images) return;  // the last of an odd number has no neighbour
    if (++work.made_of_pair[static_cast<size_t>(first / 2)] < 2) return;
    lock.unlock();
    const SampleKey key = work.keys[static_cast<size_t>(first)];
    const SampleOptions& sample = options_.sample;
    const auto mix =
        choose_mix(sample.augment, {.seed = sample.seed, .epoch = key.epoch, .index = key.index},
                   sample.size, sample.size);
    if (mix) mix_pixels(*mix, pixels_of(work.batch, first), pixels_of(work.batch, first + 1));
    lock.lock();
    if (!mix) return;
    for (const int64_t i : {first, first + 1})
      work.batch.own_share[static_cast<size_t>(i)] = static_cast<float>(mix->share);
  }

  // With the lock held.
  void warn_of_slow_reads() const {
    for (const Doing& doing : doing_) {
      if (doing.image < 0 || doing.since.seconds() < options_.patience_seconds) continue;
      log::warn(text("host %s has been reading image '%s' of %s for %.0f s", host_name().c_str(),
                     pack_.id(doing.image).c_str(), pack_.folder().c_str(), doing.since.seconds()));
    }
  }

  RgbPixels pixels_of(const Batch& batch, int64_t image) const {
    return {.data = batch.pixels.get() + image * image_bytes(),
            .height = options_.sample.size,
            .width = options_.sample.size};
  }
  int64_t image_bytes() const { return options_.sample.size * options_.sample.size * 3; }
  bool mixes() const { return options_.sample.training && options_.sample.augment.mixes(); }

  const PackReader& pack_;
  const LoaderOptions options_;
  const KeysOfBatch keys_of_batch_;
  ImageCache cache_;

  mutable std::mutex mutex_;
  std::condition_variable ready_;     // the front may be done, or the end has been met
  std::condition_variable_any work_;  // an image or room for a batch
  std::deque<Work> queue_;
  std::vector<Doing> doing_;  // per thread; guarded as the queue
  bool opening_ = false;
  bool ended_ = false;
  int64_t next_batch_;
  LoaderCounters counters_;
  std::atomic<int64_t> bad_ = 0;
  BufferPool pool_;
  std::vector<std::jthread> threads_;  // last: stopped and joined before all else goes
};

Loader::Loader(const PackReader& pack, LoaderOptions options, KeysOfBatch keys_of_batch,
               int64_t first_batch, HostAllocator allocator) {
  check(options);
  workers_ = std::make_unique<Workers>(pack, std::move(options), std::move(keys_of_batch),
                                       first_batch, std::move(allocator));
}

Loader::~Loader() = default;

std::optional<Batch> Loader::next() { return workers_->next(); }
LoaderCounters Loader::counters() const { return workers_->counters(); }

}  // namespace catamaran
