#include "support/thread_stacks.h"

#include <gmock/gmock.h>
#include <pthread.h>

#include <atomic>
#include <thread>

namespace catamaran {
namespace {

using testing::Contains;
using testing::Field;

TEST(ThreadStacks, AreOfEveryThreadAndLeaveThemRunning) {
  prepare_thread_stacks();
  std::atomic<bool> stop = false;
  std::atomic<int64_t> rounds = 0;
  std::thread busy([&] {
    ::pthread_setname_np(::pthread_self(), "busy");
    while (!stop) ++rounds;
  });
  while (rounds == 0) std::this_thread::yield();
  const std::vector<ThreadStack> threads = thread_stacks();
  EXPECT_GE(threads.size(), 2U);
  EXPECT_THAT(threads, Contains(Field(&ThreadStack::name, "busy")));
  for (const ThreadStack& thread : threads) {
    if (thread.name == "busy") {
      EXPECT_GE(thread.frames.size(), 1U);
    }
  }
  EXPECT_GE(threads.front().frames.size(), 2U);  // its own
  const int64_t before = rounds;
  while (rounds == before) std::this_thread::yield();  // it goes on
  stop = true;
  busy.join();
}

}  // namespace
}  // namespace catamaran
