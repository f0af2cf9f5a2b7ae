#include "support/bounded_call.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>

#include "support/clock.h"

namespace catamaran {
namespace {

TEST(BoundedCall, GivesWhatTheWorkGives) {
  EXPECT_EQ(call_within<std::string>(60, [] { return std::string("done"); }), "done");
}

TEST(BoundedCall, ComesBackWhereTheWorkDoesNot) {
  // What is left behind owns all that it waits for, and is let go at the test's end.
  const auto gate = std::make_shared<std::promise<void>>();
  const Stopwatch watch;
  const auto result = call_within<int>(0.05, [open = gate->get_future().share(), gate]() -> int {
    open.wait();
    return 1;
  });
  EXPECT_FALSE(result);
  EXPECT_LT(watch.seconds(), 30);
  gate->set_value();
}

TEST(BoundedCall, ThrowsWhatTheWorkThrows) {
  EXPECT_THROW(call_within<int>(60, []() -> int { throw std::runtime_error("no"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace catamaran
