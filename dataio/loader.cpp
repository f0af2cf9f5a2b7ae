#include "dataio/loader.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "dataio/buffer_pool.h"
#include "dataio/image.h"
#include "support/assert.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

void check(const LoaderOptions& options) {
  const auto at_least_one = [](const std::string& key, int64_t value) {
    if (value >= 1) return;
    throw UsageError(std::to_string(value) + " is too few", key, "set it to 1 or more");
  };
  at_least_one("data.size", options.size);
  at_least_one("data.threads", options.threads);
  at_least_one("data.prefetch_batches", options.prefetch_batches);
  if (!options.training) return;
  options.augment.check();
  options.augment.check_size(options.size);
}

// A batch on its way: images [0, claimed) are taken by workers, `open` of them are not done.
struct Work {
  Batch batch;
  std::vector<SampleKey> keys;
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
        next_batch_(first_batch),
        pool_(std::move(allocator)) {
    for (int64_t i = 0; i < options_.threads; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
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
    ready_.wait(lock, [this] { return queue_.empty() ? ended_ : queue_.front().done(); });
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
    for (const Work& work : queue_) counters.ready_batches += work.done() ? 1 : 0;
    return counters;
  }

 private:
  // What one worker keeps from image to image.
  struct Tools {
    ImageDecoder decoder;
    std::vector<uint8_t> jpeg;
  };

  void run(const std::stop_token& stop) {
    Tools tools;
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, stop, [this] { return unclaimed() != nullptr || may_open(); });
      if (stop.stop_requested()) return;
      if (Work* work = unclaimed()) {
        fill_image(*work, work->claimed++, tools, lock);
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
    batch.height = options_.size;
    batch.width = options_.size;
    batch.classes = pack_.classes();
    batch.pixels = pool_.take(batch.images * image_bytes());
    batch.labels.reserve(static_cast<size_t>(batch.images * batch.classes));
    batch.indices.reserve(work.keys.size());
    for (const SampleKey& key : work.keys) {
      CATAMARAN_ASSERT(key.index >= 0 && key.index < pack_.images(), "samples are of the pack");
      const std::span<const int8_t> labels = pack_.labels(key.index);
      batch.labels.insert(batch.labels.end(), labels.begin(), labels.end());
      batch.indices.push_back(key.index);
    }
  }

  // A deque's elements stay where they are while others come and go at its ends, and this one
  // stays in the queue while one of its images is open.
  void fill_image(Work& work, int64_t image, Tools& tools, std::unique_lock<std::mutex>& lock) {
    ++work.open;
    const SampleKey key = work.keys[static_cast<size_t>(image)];
    uint8_t* const out = work.batch.pixels.get() + image * image_bytes();
    lock.unlock();
    const Stopwatch watch;
    std::exception_ptr error;
    try {
      load(key, tools, out);
    } catch (...) {
      error = std::current_exception();
    }
    const double seconds = watch.seconds();
    lock.lock();
    --work.open;
    counters_.decode_seconds += seconds;
    counters_.read_bytes += std::ssize(tools.jpeg);
    counters_.images += error == nullptr ? 1 : 0;
    if (error != nullptr && (work.error == nullptr || image < work.failed_image)) {
      work.error = error;
      work.failed_image = image;
    }
    if (work.done()) ready_.notify_all();
  }

  void load(SampleKey key, Tools& tools, uint8_t* out) const {
    tools.jpeg.clear();
    pack_.read_jpeg(key.index, tools.jpeg);
    const ImageSize size = pack_.size(key.index);
    const Placement placement = options_.training
                                    ? choose_placement(options_.augment, size, options_.size,
                                                       options_.seed, key.epoch, key.index)
                                    : whole_image(size);
    tools.decoder.decode(tools.jpeg, placement, options_.size, out, pack_.id(key.index));
  }

  int64_t image_bytes() const { return options_.size * options_.size * 3; }

  const PackReader& pack_;
  const LoaderOptions options_;
  const KeysOfBatch keys_of_batch_;

  mutable std::mutex mutex_;
  std::condition_variable ready_;     // the front may be done, or the end has been met
  std::condition_variable_any work_;  // an image or room for a batch
  std::deque<Work> queue_;
  bool opening_ = false;
  bool ended_ = false;
  int64_t next_batch_;
  LoaderCounters counters_;
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
