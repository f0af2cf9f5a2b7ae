#include "monitoring/status_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_run.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StatusFoldersTest : public testing::Test {
 protected:
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  std::string refusal(const fs::path& folder) const {
    try {
      find_status_folders({folder});
      return "taken";
    } catch (const UsageError& error) {
      return error.what();
    }
  }

  TemporaryDirectory folder_;
};

TEST_F(StatusFoldersTest, FindsRunsOfEveryKindAndNothingElse) {
  make_fake_run(at("runs/whole"));
  write_text(at("runs/lost/metrics.jsonl"), "");
  write_text(at("runs/sweep/3f9a/manifest.json"), "{");
  fs::create_directories(at("runs/half/checkpoints/step-00000001"));
  write_text(at("runs/waits/submitted.json"), "{}");
  write_text(at("runs/notes/log.txt"), "");
  write_text(at("runs/pack/pack.json"), "{}");
  make_fake_run(at("runs/pack/inside"));
  make_fake_run(at("runs/.hidden"));
  EXPECT_THAT(find_status_folders({at("runs")}).runs,
              ElementsAre(at("runs/half"), at("runs/lost"), at("runs/sweep/3f9a"), at("runs/waits"),
                          at("runs/whole")));
}

TEST_F(StatusFoldersTest, TakesARunAsItIsAndOnce) {
  make_fake_run(at("runs/a"));
  make_fake_run(at("runs/a/again"));
  make_fake_run(at("runs/b"));
  EXPECT_THAT(find_status_folders({at("runs/b") / "", at("runs"), at("runs/b")}).runs,
              ElementsAre(at("runs/b") / "", at("runs/a")));
}

TEST_F(StatusFoldersTest, LooksSomeLevelsDeep) {
  make_fake_run(at("1/2/3/run"));
  EXPECT_THAT(refusal(at("1")), HasSubstr("taken"));
  make_fake_run(at("0/1/2/3/run"));
  EXPECT_THAT(refusal(at("0")), HasSubstr("is no run directory, and there is none in it"));
}

TEST_F(StatusFoldersTest, RefusesWhatIsNoRunAndHoldsNone) {
  fs::create_directories(at("empty/inner"));
  EXPECT_THAT(refusal(at("empty")),
              HasSubstr(at("empty").string() + ": is no run directory, and there is none in it"));
  EXPECT_THAT(refusal(at("nowhere")), HasSubstr("there is no such folder"));
  write_text(at("file"), "");
  EXPECT_THAT(refusal(at("file")), HasSubstr("is no folder"));
}

TEST_F(StatusFoldersTest, IsWhatWasNamedOrADefault) {
  EXPECT_THAT(status_folders_or_default({"a", "b"}), ElementsAre("a", "b"));
  EXPECT_EQ(status_folders_or_default({}).size(), 1u);
}

}  // namespace
}  // namespace catamaran
