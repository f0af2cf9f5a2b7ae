#include "trainer/post_mortem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "comm/self_communicator.h"
#include "file_content.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

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
