#include "monitoring/run_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_run.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RunFoldersTest : public ::testing::Test {
 protected:
  std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }

  TemporaryDirectory folder_;
};

TEST_F(RunFoldersTest, OfAFolderOfRunsAreTheRunsInItByName) {
  for (const char* name : {"runs/b", "runs/a", "runs/.hidden"}) make_fake_run(at(name));
  std::filesystem::create_directories(at("runs/notes"));
  write_text(at("runs/config.toml"), "# of all of them");
  EXPECT_THAT(find_runs({at("runs")}), ElementsAre(at("runs/a"), at("runs/b")));
}

TEST_F(RunFoldersTest, ARunIsTakenAsItIsWithWhatLiesInIt) {
  make_fake_run(at("runs/a"));
  make_fake_run(at("runs/a/again"));
  EXPECT_THAT(find_runs({at("runs/a")}), ElementsAre(at("runs/a")));
}

TEST_F(RunFoldersTest, ARunThatLacksAFileIsOneAllTheSame) {
  for (const char* name : {"runs/a", "runs/b", "runs/c"}) make_fake_run(at(name));
  std::filesystem::remove(at("runs/b/metrics.jsonl"));
  std::filesystem::remove(at("runs/c/manifest.json"));
  EXPECT_THAT(find_runs({at("runs")}), ElementsAre(at("runs/a"), at("runs/b"), at("runs/c")));
}

TEST_F(RunFoldersTest, APointOfASweepThatNobodyHasStartedIsOneToo) {
  make_fake_run(at("sweep/1"));
  write_text(at("sweep/2/point.json"), "{}");
  EXPECT_THAT(find_runs({at("sweep")}), ElementsAre(at("sweep/1"), at("sweep/2")));
}

TEST_F(RunFoldersTest, ARunThatWasNamedCountsOnceBesideItsFolder) {
  for (const char* name : {"runs/a", "runs/b"}) make_fake_run(at(name));
  EXPECT_THAT(find_runs({at("runs/b") / "", at("runs"), at("runs/b")}),
              ElementsAre(at("runs/b") / "", at("runs/a")));
}

TEST_F(RunFoldersTest, AFolderThatIsNoRunAndHoldsNoneIsRefused) {
  std::filesystem::create_directories(at("empty/inner"));
  try {
    find_runs({at("empty")});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(at("empty").string() + ": is no run directory"));
  }
}

}  // namespace
}  // namespace catamaran
