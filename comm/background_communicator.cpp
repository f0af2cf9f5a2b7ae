#include "comm/background_communicator.h"

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <utility>

namespace catamaran {
namespace {

constexpr int kPolls = 2000;  // that find nothing to do before a nap: a millisecond or so
constexpr std::chrono::microseconds kNap{50};

}  // namespace

// A caller's hold of the mutex. The thread, which takes it again and again, stands back meanwhile.
class BackgroundCommunicator::Turn {
 public:
  explicit Turn(const BackgroundCommunicator& of) {
    of.callers_.fetch_add(1, std::memory_order_relaxed);
    lock_ = std::unique_lock(of.mutex_);
    of.callers_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

BackgroundCommunicator::BackgroundCommunicator(std::unique_ptr<Communicator> inner)
    : inner_(std::move(inner)), thread_([this] { run(); }) {}

BackgroundCommunicator::~BackgroundCommunicator() {
  {
    const Turn turn(*this);
    stop_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void BackgroundCommunicator::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "exchange");
  std::unique_lock lock(mutex_);
  for (int polls = 0;;) {
    if (stop_) return;
    if (error_ != nullptr || inner_->idle()) {
      work_.wait(lock, [&] { return stop_ || (error_ == nullptr && !inner_->idle()); });
      polls = 0;
      continue;
    }
    try {
      polls = inner_->progress() ? 0 : polls + 1;
    } catch (...) {
      error_ = std::current_exception();
      continue;
    }
    lock.unlock();
    if (polls > kPolls) std::this_thread::sleep_for(kNap);
    do {  // until whoever wants the mutex has it
      ::sched_yield();
    } while (callers_.load(std::memory_order_relaxed) > 0);
    lock.lock();
  }
}

void BackgroundCommunicator::throw_what_the_thread_met() {
  if (error_ != nullptr) std::rethrow_exception(error_);
}

void BackgroundCommunicator::start_all_reduce(void* data, int64_t count, DataType type, ReduceOp op,
                                              void* stream) {
  {
    const Turn turn(*this);
    throw_what_the_thread_met();
    inner_->start_all_reduce(data, count, type, op, stream);
  }
  work_.notify_one();
}

void BackgroundCommunicator::wait_all(void* stream) {
  const Turn turn(*this);
  throw_what_the_thread_met();
  inner_->wait_all(stream);
}

bool BackgroundCommunicator::idle() const {
  const Turn turn(*this);
  return inner_->idle();
}

void BackgroundCommunicator::broadcast(void* data, int64_t bytes, int root, void* stream) {
  const Turn turn(*this);
  throw_what_the_thread_met();
  inner_->broadcast(data, bytes, root, stream);
}

std::unique_ptr<ExchangeMemory> BackgroundCommunicator::allocate(int64_t bytes) {
  const Turn turn(*this);
  return inner_->allocate(bytes);
}

std::vector<FinishedOperation> BackgroundCommunicator::take_finished() {
  const Turn turn(*this);
  return inner_->take_finished();
}

}  // namespace catamaran
