// BackgroundCommunicator: a communicator of host memory, and a thread that moves its all-reduces on
// while the caller computes.
//
//   BackgroundCommunicator gradients(std::make_unique<NodeCommunicator>(...));
//   gradients.start_all_reduce(...);            // goes on from here without anyone's call
//   gradients.wait_all(nullptr);                // the waiting thread works, too
//
// The thread ("exchange") sleeps while nothing is under way or somebody waits in wait_all, and else
// calls progress() of the communicator it wraps, under a mutex that every other call takes, too: so
// that communicator is used by one thread at a time, and all that the threads share is guarded by
// the mutex or atomic. progress() does nothing. MPI must offer MPI_THREAD_MULTIPLE, since other
// communicators are used meanwhile. The thread is joined at the end. Errors: what the thread meets
// is thrown by the next start_all_reduce or wait_all. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "comm/communicator.h"

namespace catamaran {

class BackgroundCommunicator : public Communicator {
 public:
  explicit BackgroundCommunicator(std::unique_ptr<Communicator> inner);
  BackgroundCommunicator(const BackgroundCommunicator&) = delete;
  BackgroundCommunicator& operator=(const BackgroundCommunicator&) = delete;
  ~BackgroundCommunicator() override;

  std::string_view backend() const override { return inner_->backend(); }
  CollectiveState collectives() const override { return inner_->collectives(); }
  int rank() const override { return inner_->rank(); }
  int world() const override { return inner_->world(); }
  void start_all_reduce(void* data, int64_t count, DataType type, ReduceOp op,
                        void* stream) override;
  bool progress() override { return false; }
  void wait_all(void* stream) override;
  bool idle() const override;
  void broadcast(void* data, int64_t bytes, int root, void* stream) override;
  std::unique_ptr<ExchangeMemory> allocate(int64_t bytes) override;
  std::vector<FinishedOperation> take_finished() override;

 private:
  class Turn;
  void run() noexcept;
  void throw_what_the_thread_met();

  std::unique_ptr<Communicator> inner_;
  mutable std::mutex mutex_;  // guards inner_, error_, stop_
  std::condition_variable work_;
  mutable std::atomic<int> callers_{0};  // that wait for the mutex: the thread stands back
  std::exception_ptr error_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace catamaran
