#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include "support/error.h"
#include "trainer/run_directory.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

class RunDirectoryStart : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            ("runs-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  static void write(const fs::path& path) { std::ofstream(path) << "content"; }

  fs::path root_;
};

TEST_F(RunDirectoryStart, StaysOnceItIsKept) {
  RunDirectory(root_ / "run").keep();
  EXPECT_TRUE(fs::exists(root_ / "run/lock"));
  EXPECT_TRUE(fs::exists(root_ / "run/checkpoints"));
}

TEST_F(RunDirectoryStart, LeavesNothingOfAStartThatFailed) {
  {
    const RunDirectory run(root_ / "sweep/a/run/");
    write(run.path() / "metrics.jsonl");
  }
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(RunDirectoryStart, DeletesOfAFolderThatWasThereOnlyWhatItMade) {
  fs::create_directories(root_ / "run");
  write(root_ / "run/notes.txt");
  { const RunDirectory run(root_ / "run"); }
  EXPECT_TRUE(fs::exists(root_ / "run/notes.txt"));
  EXPECT_FALSE(fs::exists(root_ / "run/lock"));
  EXPECT_FALSE(fs::exists(root_ / "run/checkpoints"));
}

TEST_F(RunDirectoryStart, LeavesAnEarlierRunAlone) {
  RunDirectory(root_ / "run").keep();
  write(root_ / "run/checkpoints/latest");
  { const RunDirectory failing(root_ / "run"); }
  EXPECT_TRUE(fs::exists(root_ / "run/lock"));
  EXPECT_TRUE(fs::exists(root_ / "run/checkpoints/latest"));
}

TEST_F(RunDirectoryStart, RefusesASecondJobAndNamesTheFirst) {
  const RunDirectory first(root_ / "run");
  try {
    const RunDirectory second(root_ / "run", 0.05);
    FAIL() << "two jobs share a run directory";
  } catch (const UsageError& problem) {
    EXPECT_NE(std::string(problem.what()).find("process " + std::to_string(::getpid())),
              std::string::npos)
        << problem.what();
  }
  EXPECT_TRUE(fs::exists(root_ / "run/checkpoints")) << "the first one's";
}

TEST_F(RunDirectoryStart, IsMadeAgainForAJobThatWaitedForAStartThatFailed) {
  std::optional<RunDirectory> failing(std::in_place, root_ / "run");
  std::thread waiting([&] { RunDirectory(root_ / "run", 20).keep(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  failing.reset();
  waiting.join();
  EXPECT_TRUE(fs::exists(root_ / "run/lock"));
  EXPECT_TRUE(fs::exists(root_ / "run/checkpoints"));
}

}  // namespace
}  // namespace catamaran
