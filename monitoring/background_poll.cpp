#include "monitoring/background_poll.h"

#include <pthread.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

namespace catamaran {
namespace {

constexpr std::chrono::seconds kPatience{1};

}  // namespace

class BackgroundPoll::Loop {
 public:
  Loop(std::chrono::duration<double> interval, std::function<void()> ask)
      : interval_(interval), ask_(std::move(ask)) {}

  void run() noexcept {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      lock.unlock();
      try {
        ask_();
      } catch (const std::exception&) {  // no answer this time
      }
      lock.lock();
      changed_.wait_for(lock, interval_, [this] { return stop_; });
    }
    ended_ = true;
    changed_.notify_all();
  }

  // False where the thread is still busy with a question.
  bool stop() {
    std::unique_lock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    return changed_.wait_for(lock, kPatience, [this] { return ended_; });
  }

 private:
  std::chrono::duration<double> interval_;
  std::function<void()> ask_;
  std::mutex mutex_;  // guards the two below
  std::condition_variable changed_;
  bool stop_ = false;
  bool ended_ = false;
};

BackgroundPoll::BackgroundPoll(const char* name, std::chrono::duration<double> interval,
                               std::function<void()> ask)
    : loop_(std::make_shared<Loop>(interval, std::move(ask))) {
  thread_ = std::thread([loop = loop_, name] {
    ::pthread_setname_np(::pthread_self(), name);
    loop->run();
  });
}

BackgroundPoll::~BackgroundPoll() {
  if (loop_->stop()) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace catamaran
