#include "dataio/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "dataio/buffer_pool.h"
#include "dataio/mix.h"
#include "dataio/sample_fault.h"
#include "support/assert.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/host_name.h"
#include "support/log.h"
#include "support/philox.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int kMostSubstitutes = 16;       // tried for one sample
constexpr int64_t kBadNamed = 10;          // samples whose ids are logged
constexpr std::chrono::seconds kGrace(2);  // of a read when the loader goes

void check(const LoaderOptions& options) {
  const auto at_least_one = [](const std::string& key, int64_t value) {
    if (value >= 1) return;
    throw UsageError(std::to_string(value) + " is too few", key, "set it to 1 or more");
  };
  at_least_one("data.size", options.sample.size);
  at_least_one("data.threads", options.threads);
  at_least_one("data.prefetch_batches", options.prefetch_batches);
  if (options.timeout_seconds < 0)
    throw UsageError("is negative", "data.timeout_seconds", "set it to 0 (no limit) or more");
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
// open a new batch when every image is taken and the queue has room. The threads own it together
// with the loader: nobody can end a read that stalls, so its thread may have to be left behind.
class Loader::Workers {
 public:
  Workers(const PackReader& pack, LoaderOptions options, KeysOfBatch keys_of_batch,
          int64_t first_batch, HostAllocator allocator)
      : pack_(pack),
        options_(std::move(options)),
        keys_of_batch_(std::move(keys_of_batch)),
        cache_(pack_, options_.cache_bytes),
        doing_(static_cast<size_t>(options_.threads)),
        next_batch_(first_batch),
        pool_(std::move(allocator)) {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  std::optional<Batch> next() {
    std::unique_lock lock(mutex_);
    const auto is_ready = [this] {
      return stopped_ || (queue_.empty() ? ended_ : queue_.front().done());
    };
    while (!ready_.wait_for(lock, until_next_look(), is_ready)) look_for_slow_reads();
    if (stopped_ || queue_.empty()) return std::nullopt;
    Work work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work_.notify_all();  // there is room for a batch
    if (work.error) std::rethrow_exception(work.error);
    return std::move(work.batch);
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    ready_.notify_all();
  }

  // The work of one thread.
  void run(const std::stop_token& stop, size_t thread) {
    work_until(stop, doing_[thread]);
    const std::lock_guard lock(mutex_);
    doing_[thread].ended = true;
    ready_.notify_all();
  }

  // After all were told to stop: waits for those that come to an end, and says of each whether it
  // has. What calls the caller's functions is waited for in any case.
  std::vector<bool> await_end() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return !opening_; });
    ready_.wait_for(lock, kGrace, [this] { return std::ranges::all_of(doing_, &Doing::ended); });
    std::vector<bool> ended;
    for (const Doing& doing : doing_) ended.push_back(doing.ended);
    return ended;
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
    Stopwatch since{};
    bool ended = false;
    bool overdue = false;  // at the last look, which was then
    Stopwatch overdue_since{};
  };

  void work_until(const std::stop_token& stop, Doing& doing) {
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
    doing = {.image = key.index};
    lock.unlock();
    std::exception_ptr error;
    Made made{.used = key};
    const double start = options_.on_image ? steady_seconds() : 0;
    try {
      made = make_or_substitute(key, maker, out);
    } catch (...) {
      error = std::current_exception();
    }
    if (options_.on_image) options_.on_image(&doing - doing_.data(), start, steady_seconds());
    lock.lock();
    counters_.decode_seconds += doing.since.seconds();
    counters_.read_bytes += maker.read_bytes();
    counters_.images += error == nullptr ? 1 : 0;
    doing.image = -1;
    for (size_t fault = 0; fault < kSampleFaults; ++fault)
      work.batch.faults[fault] += made.faults[fault];
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
    FaultCounts faults{};  // of samples that were tried before
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
        ++made.faults[static_cast<size_t>(fault_of(problem))];
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

  // With the lock held, as the next. The end of each read's patience and time are not missed.
  std::chrono::duration<double> until_next_look() const {
    double seconds = options_.patience_seconds;
    if (options_.timeout_seconds == 0) return std::chrono::duration<double>(seconds);
    seconds = std::min(seconds, options_.timeout_seconds);
    for (const Doing& doing : doing_) {
      const double left = doing.overdue ? second_look() - doing.overdue_since.seconds()
                                        : options_.timeout_seconds - doing.since.seconds();
      if (doing.image >= 0) seconds = std::min(seconds, std::max(left, 0.001));
    }
    return std::chrono::duration<double>(seconds);
  }

  void look_for_slow_reads() {
    for (Doing& doing : doing_) {
      const double seconds = doing.since.seconds();
      if (doing.image < 0 || seconds < std::min(options_.patience_seconds, limit())) continue;
      const std::string what = text("host %s has been reading image '%s' for %.1f s",
                                    host_name().c_str(), pack_.id(doing.image).c_str(), seconds);
      if (seconds >= limit() && !is_overdue_again(doing)) continue;
      if (seconds >= limit()) {
        throw DataError(what, pack_.folder().string(),
                        "see whether the storage of that host answers, then start again (a run "
                        "goes on from its newest checkpoint); data.timeout_seconds is how long a "
                        "read may take");
      }
      log::warn(pack_.folder().string() + ": " + what);
    }
  }
  // A job that was suspended finds its reads overdue when it goes on; they get time to return.
  bool is_overdue_again(Doing& doing) const {
    if (!std::exchange(doing.overdue, true)) doing.overdue_since = Stopwatch();
    return doing.overdue_since.seconds() >= second_look();
  }
  double second_look() const { return std::min(1.0, options_.timeout_seconds); }
  double limit() const {
    return options_.timeout_seconds > 0 ? options_.timeout_seconds
                                        : std::numeric_limits<double>::infinity();
  }

  RgbPixels pixels_of(const Batch& batch, int64_t image) const {
    return {.data = batch.pixels.get() + image * image_bytes(),
            .height = options_.sample.size,
            .width = options_.sample.size};
  }
  int64_t image_bytes() const { return options_.sample.size * options_.sample.size * 3; }
  bool mixes() const { return options_.sample.training && options_.sample.augment.mixes(); }

  const PackReader pack_;  // a share of it
  const LoaderOptions options_;
  const KeysOfBatch keys_of_batch_;
  ImageCache cache_;

  mutable std::mutex mutex_;
  std::condition_variable ready_;     // the front may be done, or an end has been met
  std::condition_variable_any work_;  // an image or room for a batch
  std::deque<Work> queue_;
  std::vector<Doing> doing_;  // per thread; guarded as the queue
  bool opening_ = false;
  bool ended_ = false;
  bool stopped_ = false;
  int64_t next_batch_;
  LoaderCounters counters_;
  std::atomic<int64_t> bad_ = 0;
  BufferPool pool_;
};

Loader::Loader(const PackReader& pack, LoaderOptions options, KeysOfBatch keys_of_batch,
               int64_t first_batch, HostAllocator allocator) {
  check(options);
  const auto threads = static_cast<size_t>(options.threads);
  workers_ = std::make_shared<Workers>(pack, std::move(options), std::move(keys_of_batch),
                                       first_batch, std::move(allocator));
  for (size_t thread = 0; thread < threads; ++thread) {
    threads_.emplace_back(
        [workers = workers_, thread](const std::stop_token& stop) { workers->run(stop, thread); });
  }
}

// All are told to stop before the first is waited for.
Loader::~Loader() {
  for (std::jthread& thread : threads_) thread.request_stop();
  const std::vector<bool> ended = workers_->await_end();
  for (size_t thread = 0; thread < threads_.size(); ++thread) {
    if (!ended[thread]) threads_[thread].detach();
  }
}

std::optional<Batch> Loader::next() { return workers_->next(); }
void Loader::stop() { workers_->stop(); }
LoaderCounters Loader::counters() const { return workers_->counters(); }

}  // namespace catamaran
