// The main of tests that run on several ranks: MPI up first, a failure on any rank fails all, a
// watchdog names a test that hangs.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

#include "comm/mpi_session.h"
#include "mpi_test_environment.h"

namespace {

constexpr std::chrono::seconds kLongestTest{60};

class RunningTest : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo& info) override {
    const std::lock_guard lock(mutex_);
    name_ = std::string(info.test_suite_name()) + "." + info.name();
    since_ = std::chrono::steady_clock::now();
  }
  void OnTestEnd(const testing::TestInfo&) override {
    const std::lock_guard lock(mutex_);
    name_.clear();
  }
  bool overdue(std::string& name) {
    const std::lock_guard lock(mutex_);
    name = name_;
    return !name_.empty() && std::chrono::steady_clock::now() - since_ > kLongestTest;
  }

 private:
  std::mutex mutex_;
  std::string name_;
  std::chrono::steady_clock::time_point since_;
};

}  // namespace

namespace catamaran {

MpiSession*& test_session() {
  static MpiSession* session = nullptr;
  return session;
}

ProcessGroup*& test_group() {
  static ProcessGroup* group = nullptr;
  return group;
}

}  // namespace catamaran

int main(int argc, char** argv) {
  catamaran::MpiSession mpi(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  catamaran::ProcessGroup group = catamaran::make_process_group(
      mpi, {.backend = "mpi", .progress = "none", .timeout_seconds = 30, .threads_per_rank = 1});
  catamaran::test_session() = &mpi;
  catamaran::test_group() = &group;
  auto* running = new RunningTest;  // owned by the list of listeners
  testing::UnitTest::GetInstance()->listeners().Append(running);
  std::atomic<bool> over{false};
  std::jthread watchdog([&] {
    while (!over) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      std::string name;
      if (!running->overdue(name)) continue;
      std::fprintf(stderr, "rank %d hangs in %s\n", mpi.rank(), name.c_str());
      mpi.abort(1);
    }
  });
  int64_t failed = RUN_ALL_TESTS();
  over = true;
  group.host().all_reduce(&failed, 1, catamaran::DataType::kInt64, catamaran::ReduceOp::kMax);
  return failed == 0 ? 0 : 1;
}
