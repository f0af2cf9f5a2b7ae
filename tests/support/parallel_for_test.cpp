#include "support/parallel_for.h"

#include <gtest/gtest.h>

#include <chrono>
#include <new>
#include <numeric>

namespace catamaran {
namespace {

TEST(ParallelFor, VisitsEveryIndexOnceWithAnyNumberOfThreads) {
  for (const int64_t threads : {1, 2, 7}) {
    std::vector<int> visits(100, 0);
    parallel_for(100, threads,
                 [&] { return [&](int64_t i) { ++visits[static_cast<size_t>(i)]; }; });
    EXPECT_EQ(visits, std::vector<int>(100, 1)) << threads << " threads";
  }
  parallel_for(0, 4, [] { return [](int64_t) { FAIL(); }; });
}

TEST(ParallelFor, MakesAWorkerPerThread) {
  std::atomic<int> made{0};
  parallel_for(50, 3, [&] {
    ++made;
    return [](int64_t) {};
  });
  EXPECT_EQ(made, 3);
}

TEST(ParallelFor, ThrowsToTheCallerWhatAnotherThreadThrew) {
  const std::thread::id caller = std::this_thread::get_id();
  const auto allocate_too_much = [&] {
    return [&](int64_t) {
      if (std::this_thread::get_id() != caller) throw std::bad_alloc();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
  };
  EXPECT_THROW(parallel_for(100'000, 2, allocate_too_much), std::bad_alloc);
}

TEST(ParallelFor, EndsSoonAfterTheFirstFailure) {
  std::atomic<int64_t> visited{0};
  const auto fail_at_ten = [&] {
    return [&](int64_t i) {
      ++visited;
      if (i == 10) throw std::bad_alloc();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
  };
  EXPECT_THROW(parallel_for(1'000'000, 4, fail_at_ten), std::bad_alloc);
  EXPECT_LT(visited, 100);
}

TEST(ParallelFor, AWorkerThatCannotBeMadeIsAnErrorToo) {
  const auto no_worker = [] {
    throw std::bad_alloc();
    return [](int64_t) {};
  };
  EXPECT_THROW(parallel_for(10, 2, no_worker), std::bad_alloc);
}

}  // namespace
}  // namespace catamaran
