#include "comm/background_communicator.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

#include "support/clock.h"

namespace catamaran {
namespace {

// Finishes an operation after some calls of progress(); says whether two threads were in it.
class SlowCommunicator : public Communicator {
 public:
  struct Seen {
    std::atomic<int> inside{0};
    std::atomic<bool> together{false};
    std::atomic<int> progress_calls{0};
    std::atomic<int> finished{0};
    std::atomic<bool> breaks{false};
  };
  explicit SlowCommunicator(Seen& seen) : seen_(seen) {}

  std::string_view backend() const override { return "slow"; }
  int rank() const override { return 0; }
  int world() const override { return 2; }
  void start_all_reduce(void* data, int64_t, DataType, ReduceOp, void*) override {
    const Inside inside(seen_);
    operations_.push_back({static_cast<int64_t*>(data), 20});
  }
  bool progress() override {
    const Inside inside(seen_);
    ++seen_.progress_calls;
    if (seen_.breaks) throw std::runtime_error("made to break");
    if (operations_.empty()) return false;
    if (--operations_.front().left == 0) {
      *operations_.front().data += 1;
      operations_.erase(operations_.begin());
      ++seen_.finished;
      finished_.add({8, 0, 0});
    }
    return true;
  }
  void wait_all(void*) override {
    while (!operations_.empty()) progress();
  }
  bool idle() const override { return operations_.empty(); }
  void broadcast(void*, int64_t, int, void*) override { const Inside inside(seen_); }
  std::vector<FinishedOperation> take_finished() override { return finished_.take(); }

 private:
  struct Inside {
    explicit Inside(Seen& seen) : seen_(seen) {
      if (seen_.inside.fetch_add(1) != 0) seen_.together = true;
    }
    ~Inside() { seen_.inside.fetch_sub(1); }
    Seen& seen_;
  };
  struct Operation {
    int64_t* data;
    int left;
  };
  Seen& seen_;
  std::vector<Operation> operations_;
  FinishedOperations finished_;
};

template <typename Condition>
bool becomes_true(const Condition& condition) {
  for (const Stopwatch watch; watch.seconds() < 20;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

class Background : public testing::Test {
 protected:
  void start(int64_t& value) {
    comm_.start_all_reduce(&value, 1, DataType::kInt64, ReduceOp::kSum, nullptr);
  }
  SlowCommunicator::Seen seen_;
  BackgroundCommunicator comm_{std::make_unique<SlowCommunicator>(seen_)};
};

TEST_F(Background, OperationsEndWithoutAnyonesCall) {
  int64_t one = 0;
  int64_t two = 0;
  start(one);
  start(two);
  EXPECT_TRUE(becomes_true([&] { return seen_.finished == 2; }));
  comm_.wait_all(nullptr);
  EXPECT_EQ(one + two, 2);
  EXPECT_EQ(comm_.take_finished().size(), 2U);
  EXPECT_TRUE(comm_.idle());
  EXPECT_EQ(comm_.backend(), "slow");
}

TEST_F(Background, OneThreadAtATimeIsInTheCommunicator) {
  std::vector<int64_t> values(300);
  for (int round = 0; round < 3; ++round) {
    for (int64_t& value : values) {
      start(value);
      comm_.progress();
    }
    comm_.wait_all(nullptr);
    comm_.broadcast(nullptr, 0, 0, nullptr);
    EXPECT_EQ(comm_.take_finished().size(), values.size());
  }
  for (const int64_t value : values) EXPECT_EQ(value, 3);
  EXPECT_FALSE(seen_.together);
}

TEST_F(Background, TheThreadSleepsWhileNothingIsUnderWay) {
  int64_t value = 0;
  start(value);
  comm_.wait_all(nullptr);
  const int calls = seen_.progress_calls;
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(seen_.progress_calls, calls);
}

TEST_F(Background, WhatTheThreadMeetsIsThrownToTheCaller) {
  seen_.breaks = true;
  int64_t value = 0;
  start(value);
  EXPECT_TRUE(becomes_true([&] { return seen_.progress_calls > 0; }));
  EXPECT_THROW(comm_.wait_all(nullptr), std::runtime_error);
  EXPECT_THROW(comm_.wait_all(nullptr), std::runtime_error) << "it stays broken";
  EXPECT_THROW(start(value), std::runtime_error);
}

TEST_F(Background, MayEndWithOperationsUnderWay) {
  int64_t value = 0;
  start(value);
}

}  // namespace
}  // namespace catamaran
