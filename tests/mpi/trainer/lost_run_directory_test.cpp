// What ranks write into a run directory that another job has taken over, or that was moved away.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "mpi_test_environment.h"
#include "support/error.h"
#include "support/text.h"
#include "trainer/post_mortem.h"
#include "trainer/time_line.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

ProcessGroup& group() { return *test_group(); }

// A run directory that all ranks see; rank 0 has it.
class LostRunDirectory : public testing::Test {
 protected:
  void SetUp() override {
    run_ = group().broadcast_text(
        (fs::path(testing::TempDir()) / ("lost-run-" + std::to_string(::getpid()))).string());
    moved_ = run_.string() + "-moved";
    first_ = take(TakeOver::kOfTheDead);
  }
  void TearDown() override {
    group().barrier();
    if (!group().is_root()) return;
    fs::remove_all(run_);
    fs::remove_all(moved_);
  }

  std::shared_ptr<RunDirectory> take(TakeOver how) const {
    std::shared_ptr<RunDirectory> directory;
    if (group().is_root()) {
      directory = std::make_shared<RunDirectory>(run_, 0, how);
      directory->keep();
    }
    group().barrier();
    return directory;
  }
  void move_away() const {
    if (group().is_root()) fs::rename(run_, moved_);
    group().barrier();
  }
  std::unique_ptr<PostMortem> begin(const std::shared_ptr<RunDirectory>& directory) const {
    return std::make_unique<PostMortem>(PostMortemPlace{.path = run_, .directory = directory},
                                        group(), std::make_shared<TraceRecorder>(), 0, nullptr);
  }
  static std::string start_of(const std::shared_ptr<RunDirectory>& directory) {
    return group().broadcast_text(directory ? directory->start() : "");
  }
  static DataError error() {
    return {"rank " + std::to_string(group().rank()) + " cannot read", "shard", "copy it again"};
  }
  void write_line(const std::shared_ptr<RunDirectory>& directory) const {
    const TraceOptions options{.enabled = true, .first_step = 1, .steps = 1};
    TraceRecorder trace(options);
    trace.begin_step(1);
    trace.lap("forward");
    trace.end_step();
    write_time_line(trace, options, run_, directory.get(), group(), 30);
    group().barrier();
  }

  fs::path run_;
  fs::path moved_;
  std::shared_ptr<RunDirectory> first_;
};

TEST_F(LostRunDirectory, OfAFailureEachStartWritesItsOwnRanksWords) {
  const auto post_mortem = begin(first_);
  post_mortem->failed(error());
  group().barrier();
  const fs::path folder = run_ / "failure" / start_of(first_);
  for (int rank = 0; rank < group().world(); ++rank)
    EXPECT_TRUE(fs::exists(folder / text("rank-%05d.json", rank)));
  const auto failure = nlohmann::json::parse(std::ifstream(run_ / "failure.json"), nullptr, false);
  EXPECT_EQ(failure["start"], folder.filename().string());
}

TEST_F(LostRunDirectory, NoRankWritesOfAFailureOnceAnotherJobHasIt) {
  const auto of_first = begin(first_);
  const std::shared_ptr<RunDirectory> second = take(TakeOver::kByForce);
  const auto of_second = begin(second);
  of_first->failed(error());
  group().barrier();
  EXPECT_FALSE(fs::exists(run_ / "failure.json"));
  EXPECT_FALSE(fs::exists(run_ / "failure" / start_of(first_)));
  EXPECT_TRUE(fs::is_empty(run_ / "failure" / start_of(second)));
  group().barrier();
  of_second->failed(error());
  group().barrier();
  const auto failure = nlohmann::json::parse(std::ifstream(run_ / "failure.json"), nullptr, false);
  EXPECT_EQ(failure["start"], start_of(second));
}

TEST_F(LostRunDirectory, NoRankMakesItAgainForAFailure) {
  const auto post_mortem = begin(first_);
  move_away();
  post_mortem->failed(error());
  group().barrier();
  EXPECT_FALSE(fs::exists(run_));
  EXPECT_FALSE(fs::exists(moved_ / "failure.json"));
}

TEST_F(LostRunDirectory, NoRankMakesItAgainForATimeLine) {
  write_line(first_);
  EXPECT_TRUE(fs::exists(run_ / "trace.json"));
  group().barrier();
  move_away();
  write_line(first_);
  EXPECT_FALSE(fs::exists(run_));
}

TEST_F(LostRunDirectory, TheTimeLineOfTheJobThatTookItOverStays) {
  const std::shared_ptr<RunDirectory> second = take(TakeOver::kByForce);
  const fs::path mark = run_ / "trace/of-the-second";
  if (group().is_root()) {
    fs::create_directory(run_ / "trace");
    std::ofstream(mark) << "its own";
  }
  group().barrier();
  write_line(first_);
  EXPECT_TRUE(fs::exists(mark));
  EXPECT_FALSE(fs::exists(run_ / "trace.json"));
}

}  // namespace
}  // namespace catamaran
