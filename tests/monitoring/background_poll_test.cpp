#include "monitoring/background_poll.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "support/clock.h"

namespace catamaran {
namespace {

using namespace std::chrono_literals;

template <typename Condition>
bool within_patience(const Condition& condition) {
  for (const Stopwatch watch; watch.seconds() < 20;) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

TEST(BackgroundPoll, AsksAtOnceAndAgainAndNoMoreOnceItIsDestroyed) {
  const auto asked = std::make_shared<std::atomic<int>>(0);
  {
    const BackgroundPoll poll("test", 1ms, [asked] { ++*asked; });
    EXPECT_TRUE(within_patience([&] { return *asked > 3; }));
  }
  const int by_then = *asked;
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(*asked, by_then);
}

TEST(BackgroundPoll, EndsAtOnceHoweverLongItsInterval) {
  const Stopwatch watch;
  {
    const BackgroundPoll poll("test", 1h, [] {});
  }
  EXPECT_LT(watch.seconds(), 10);
}

TEST(BackgroundPoll, GoesOnAfterAQuestionThatFailed) {
  const auto asked = std::make_shared<std::atomic<int>>(0);
  const BackgroundPoll poll("test", 1ms, [asked] {
    if (++*asked == 1) throw std::runtime_error("no answer");
  });
  EXPECT_TRUE(within_patience([&] { return *asked > 2; }));
}

// What a question that never returns touches is its own.
TEST(BackgroundPoll, LeavesAQuestionAloneThatDoesNotReturn) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool is_open = false;
    std::atomic<int> inside = 0;
  };
  const auto gate = std::make_shared<Gate>();
  const Stopwatch watch;
  {
    const BackgroundPoll poll("test", 1ms, [gate] {
      ++gate->inside;
      std::unique_lock lock(gate->mutex);
      gate->opened.wait(lock, [&] { return gate->is_open; });
    });
    ASSERT_TRUE(within_patience([&] { return gate->inside == 1; }));
  }
  EXPECT_LT(watch.seconds(), 15) << "it is not waited for any longer";
  {
    const std::lock_guard lock(gate->mutex);
    gate->is_open = true;
  }
  gate->opened.notify_all();
  EXPECT_TRUE(within_patience([&] { return gate.use_count() == 1; })) << "its thread has ended";
  EXPECT_EQ(gate->inside, 1);
}

}  // namespace
}  // namespace catamaran
