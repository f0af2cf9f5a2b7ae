#include "trainer/post_mortem.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "comm/self_communicator.h"
#include "file_content.h"
#include "support/file_descriptor.h"
#include "support/file_lock.h"
#include "support/process_state.h"
#include "trainer/failure_report.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

// Loses the other ranks after so many sums.
class LossyCommunicator : public SelfCommunicator {
 public:
  explicit LossyCommunicator(int sums) : sums_(sums) {}
  void start_all_reduce(void*, int64_t, DataType, ReduceOp, void*) override {
    if (sums_-- == 0) throw CommError("no answer from rank 1", "rank 0 on host, all-reduce", "");
  }

 private:
  int sums_;
};

// Rank 0's of two; the other one says the same line each time.
class NeighbourCommunicator : public SelfCommunicator {
 public:
  explicit NeighbourCommunicator(std::string line) : line_(std::move(line)) {}
  int world() const override { return 2; }
  void broadcast(void* data, int64_t bytes, int root, void*) override {
    if (root == 0) return;
    const auto length = static_cast<int64_t>(line_.size());
    if (told_length_) {
      std::memcpy(data, line_.data(), static_cast<size_t>(bytes));
    } else {
      std::memcpy(data, &length, sizeof length);
    }
    told_length_ = !told_length_;
  }

 private:
  std::string line_;
  bool told_length_ = false;
};

class PostMortemTest : public testing::Test {
 protected:
  void TearDown() override {
    fs::remove_all(run_);
    fs::remove_all(moved_);
  }

  std::shared_ptr<RunDirectory> take(TakeOver how = TakeOver::kOfTheDead) const {
    auto directory = std::make_shared<RunDirectory>(run_, 0, how);
    directory->keep();
    return directory;
  }
  std::unique_ptr<PostMortem> begin(std::shared_ptr<const RunDirectory> directory) {
    return std::make_unique<PostMortem>(
        PostMortemPlace{.path = run_, .directory = std::move(directory)}, group_,
        std::make_shared<TraceRecorder>(), 0, nullptr);
  }
  void write(const std::string& name, const std::string& content) const {
    fs::create_directories((run_ / name).parent_path());
    std::ofstream(run_ / name) << content;
  }
  std::string content(const std::string& name) const { return file_content(run_ / name); }
  json failure() const { return json::parse(content("failure.json"), nullptr, false); }

  const fs::path run_ =
      fs::path(testing::TempDir()) / ("post-mortem-" + std::to_string(::getpid()));
  const fs::path moved_ = run_.string() + "-moved";
  const DataError error_{"the shard is gone", "shard-00001.h5", "copy it again"};
  ProcessGroup group_{0,
                      1,
                      0,
                      1,
                      "host",
                      DeviceKind::kCpu,
                      0,
                      1,
                      std::make_unique<SelfCommunicator>(),
                      std::make_unique<SelfCommunicator>()};
};

TEST_F(PostMortemTest, KeepsAFailureOfBeforeAndWritesThatOfItsOwnStartIntoAFolderOfItsOwn) {
  const auto run = take();
  write("failure.json", "of before");
  write("failure/rank-00000.json", "of before");
  const auto post_mortem = begin(run);
  EXPECT_EQ(content("failure-before.json"), "of before");
  EXPECT_FALSE(fs::exists(run_ / "failure/rank-00000.json"));
  post_mortem->failed(error_);
  EXPECT_TRUE(fs::exists(run_ / "failure" / run->start() / "rank-00000.json"));
  EXPECT_EQ(failure()["start"], run->start());
  EXPECT_THAT(failure()["cause"], HasSubstr("the shard is gone"));
}

TEST_F(PostMortemTest, TellsWhoWantsToKnowTheCauseAndTheKindOfAnErrorThatIsOne) {
  std::string heard;
  std::optional<ErrorKind> kind;
  PostMortemPlace place{.path = run_, .directory = take()};
  place.on_cause = [&](const std::string& sentence, std::optional<ErrorKind> of) {
    heard = sentence;
    kind = of;
  };
  PostMortem post_mortem(place, group_, std::make_shared<TraceRecorder>(), 0, nullptr);
  post_mortem.failed(error_);
  EXPECT_THAT(heard, HasSubstr("the shard is gone"));
  EXPECT_EQ(kind, ErrorKind::kData);
}

TEST_F(PostMortemTest, LeavesNothingOfItsOwnWhereTheRunEndsWell) {
  const auto run = take();
  const auto post_mortem = begin(run);
  write("failure.json", json{{"start", run->start()}, {"cause", "it stood still"}}.dump());
  post_mortem->ended_well();
  EXPECT_FALSE(fs::exists(run_ / "failure.json"));
  EXPECT_FALSE(fs::exists(run_ / "failure"));
}

TEST_F(PostMortemTest, WritesDownARankThatIsLostAtTheVeryEnd) {
  for (const int sums : {1, 2}) {  // all ranks begin, and all arrive at the end
    const auto run = take(TakeOver::kByForce);
    ProcessGroup group(0, 1, 0, 1, "host", DeviceKind::kCpu, 0, 1,
                       std::make_unique<LossyCommunicator>(sums),
                       std::make_unique<SelfCommunicator>());
    PostMortem post_mortem({.path = run_, .directory = run}, group,
                           std::make_shared<TraceRecorder>(), 0, nullptr);
    try {
      post_mortem.ended_well();
      ADD_FAILURE() << "nobody was lost";
    } catch (const CommError& error) {
      post_mortem.failed(error);
    }
    EXPECT_EQ(fs::exists(run_ / "failure.json"), sums == 1);
  }
}

// Two containers may share a host's name; numbers of processes are each one's own.
TEST_F(PostMortemTest, TakesNoRankForGoneThatIsInAnotherContainer) {
  constexpr const char* kNoProcess = "999999999 ";
  for (const uint64_t apart : {uint64_t{0}, uint64_t{1}}) {
    ProcessGroup group(0, 2, 0, 2, "host", DeviceKind::kCpu, 0, 1,
                       std::make_unique<NeighbourCommunicator>(
                           kNoProcess + std::to_string(process_namespace() + apart) + " host"),
                       std::make_unique<SelfCommunicator>());
    PostMortem post_mortem({.path = run_, .directory = take(TakeOver::kByForce)}, group,
                           std::make_shared<TraceRecorder>(), 0, nullptr);
    post_mortem.failed(CommError("no answer", "rank 0 on host, all-reduce", ""));
    EXPECT_EQ(failure()["ranks"][1]["state"], std::string(apart > 0 ? "silent" : "gone"));
  }
}

TEST_F(PostMortemTest, WithoutTheLockReplacesOnlyWhatIsLessSure) {
  for (const int weight : {FailureCause::kOwnError, 1}) {
    const auto run = take(TakeOver::kByForce);
    const auto post_mortem = begin(run);
    const std::string before =
        json{{"start", run->start()}, {"cause", "rank 3 failed"}, {"weight", weight}}.dump();
    write("failure.json", before);
    const fs::path path = run_ / "failure" / run->start() / "lock";
    const FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    ASSERT_EQ(try_lock(lock, path, ErrorKind::kInternal), LockState::kTaken);
    post_mortem->failed(error_);
    EXPECT_EQ(content("failure.json") == before, weight == FailureCause::kOwnError);
    EXPECT_EQ(failure()["weight"], FailureCause::kOwnError);
  }
}

TEST_F(PostMortemTest, NeitherOverwritesNorDeletesWhatAnotherStartWrote) {
  const std::string other = json{{"start", "other"}, {"cause", "rank 3 failed"}}.dump();
  for (const bool well : {true, false}) {
    const auto post_mortem = begin(take());
    write("failure.json", other);
    write("failure/other/rank-00000.json", "its words");
    if (well) {
      post_mortem->ended_well();
    } else {
      post_mortem->failed(error_);
    }
    EXPECT_EQ(content("failure.json"), other);
    EXPECT_EQ(content("failure/other/rank-00000.json"), "its words");
  }
}

TEST_F(PostMortemTest, WritesAndDeletesNothingOnceAnotherJobHasTakenTheRunOver) {
  for (const bool well : {true, false}) {
    const auto first = take(TakeOver::kByForce);
    const auto of_first = begin(first);
    const auto second = take(TakeOver::kByForce);
    if (well) {  // also while the second job builds its model, and has no folder yet
      of_first->ended_well();
      EXPECT_TRUE(fs::exists(run_ / "failure" / first->start()));
    } else {
      of_first->failed(error_);
      EXPECT_FALSE(fs::exists(run_ / "failure.json"));
      EXPECT_TRUE(fs::is_empty(run_ / "failure" / first->start()));
    }
    const auto of_second = begin(second);
    EXPECT_FALSE(fs::exists(run_ / "failure" / first->start()));
    of_second->failed(error_);
    EXPECT_EQ(failure()["start"], second->start());
  }
}

TEST_F(PostMortemTest, LeavesTheFailureOfTheJobThatTookTheRunOver) {
  const auto first = take();
  const auto of_first = begin(first);
  const auto second = take(TakeOver::kByForce);
  const auto of_second = begin(second);
  of_second->failed(error_);
  const std::string before = content("failure.json");
  of_first->failed(UsageError("too late", "", ""));
  EXPECT_EQ(content("failure.json"), before);
  EXPECT_FALSE(fs::exists(run_ / "failure" / first->start()));
}

TEST_F(PostMortemTest, WritesNothingWhereTheRunDirectoryWas) {
  const auto run = take();
  const auto post_mortem = begin(run);
  fs::rename(run_, moved_);
  post_mortem->failed(error_);
  EXPECT_FALSE(fs::exists(run_));
  EXPECT_FALSE(fs::exists(moved_ / "failure.json"));
}

}  // namespace
}  // namespace catamaran
