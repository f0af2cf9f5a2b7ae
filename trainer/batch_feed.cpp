#include "trainer/batch_feed.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "support/clock.h"

namespace catamaran {

// The next batch is made when the one before has been taken.
class BatchFeed::Ahead {
 public:
  Ahead(BatchFeed& feed, SideStream side)
      : feed_(feed),
        side_(std::move(side)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~Ahead() {
    thread_.request_stop();
    feed_.loader_.stop();
  }
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;

  std::optional<FedBatch> next() {
    const Stopwatch wait;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_ready_; });
    if (error_) std::rethrow_exception(error_);
    if (!batch_) return std::nullopt;  // stays the end
    std::optional<FedBatch> batch = std::exchange(batch_, std::nullopt);
    is_ready_ = false;
    lock.unlock();
    changed_.notify_all();
    // Of a wait its end is for what is done last.
    const double waited = wait.seconds();
    batch->to_device_seconds = std::min(waited, batch->to_device_seconds);
    batch->wait_seconds = waited - batch->to_device_seconds;
    return batch;
  }

 private:
  void run(const std::stop_token& stop) {
    while (true) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return !is_ready_; })) return;
      lock.unlock();
      std::optional<FedBatch> batch;
      std::exception_ptr error;
      try {
        // When to_device() returns, its stream has done all it was given: the copy of the labels,
        // its last, waits for that. So whoever takes the batch need not wait for this stream.
        const SideStream::Use use(side_);
        batch = feed_.take();
      } catch (...) {
        error = std::current_exception();
      }
      const bool goes_on = batch.has_value();
      lock.lock();
      batch_ = std::move(batch);
      error_ = error;
      is_ready_ = true;
      lock.unlock();
      changed_.notify_all();
      if (!goes_on) return;
    }
  }

  BatchFeed& feed_;
  const SideStream side_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_ready_ = false;  // batch_, the end where there is none, or error_
  std::optional<FedBatch> batch_;
  std::exception_ptr error_;
  std::jthread thread_;  // last: stopped and joined before all else goes
};

BatchFeed::BatchFeed(Loader& loader, FeedOptions options, torch::Device device,
                     const SideStream& side)
    : BatchFeed(loader, std::move(options), device, side, side.exists()) {}

BatchFeed::BatchFeed(Loader& loader, FeedOptions options, torch::Device device,
                     const SideStream& side, bool ahead)
    : loader_(loader), options_(std::move(options)), device_(device) {
  if (ahead) ahead_ = std::make_unique<Ahead>(*this, side);
}

BatchFeed::~BatchFeed() = default;

std::optional<FedBatch> BatchFeed::take() {
  Stopwatch clock;
  std::optional<Batch> host = loader_.next();
  if (!host) return std::nullopt;
  const double waited = clock.lap();
  DeviceBatch in = to_device(*host, options_.input, options_.labels, device_);
  return FedBatch{.host = std::move(*host),
                  .in = std::move(in),
                  .wait_seconds = waited,
                  .to_device_seconds = clock.lap()};
}

std::optional<FedBatch> BatchFeed::next() {
  if (!ahead_) return take();
  std::optional<FedBatch> batch = ahead_->next();
  if (batch) lend_to_current_stream({batch->in.x_BCHW, batch->in.y_BL});
  return batch;
}

}  // namespace catamaran
