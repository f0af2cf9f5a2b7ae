#include "monitoring/run_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_run.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunFoldersTest : public ::testing::Test {
 protected:
  std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }

  TemporaryDirectory folder_;
};

TEST_F(RunFoldersTest, OfAFolderOfRunsAreTheRunsInItByName) {
  for (const char* name : {"runs/b", "runs/a", "runs/.hidden"}) make_fake_run(at(name));
  std::filesystem::create_directories(at("runs/notes"));
  write_text(at("runs/config.toml"), "# of all of them");
  const RunFolders found = find_runs({at("runs")});
  EXPECT_THAT(found.runs, ElementsAre(at("runs/a"), at("runs/b")));
  EXPECT_THAT(found.left_out, IsEmpty());
}

TEST_F(RunFoldersTest, ARunIsTakenAsItIsWithWhatLiesInIt) {
  make_fake_run(at("runs/a"));
  make_fake_run(at("runs/a/again"));
  EXPECT_THAT(find_runs({at("runs/a")}).runs, ElementsAre(at("runs/a")));
}

TEST_F(RunFoldersTest, ARunThatLacksAFileIsLeftOutOfAFolderAndNamed) {
  make_fake_run(at("runs/a"));
  make_fake_run(at("runs/b"));
  std::filesystem::remove(at("runs/b/metrics.jsonl"));
  const RunFolders found = find_runs({at("runs")});
  EXPECT_THAT(found.runs, ElementsAre(at("runs/a")));
  EXPECT_THAT(found.left_out, ElementsAre(at("runs/b").string() + ": metrics.jsonl is missing"));
  EXPECT_THAT(find_runs({at("runs/b")}).runs, ElementsAre(at("runs/b")))
      << "named by itself it is the reader's to refuse";
}

TEST_F(RunFoldersTest, ARunThatWasNamedCountsOnceBesideItsFolder) {
  for (const char* name : {"runs/a", "runs/b"}) make_fake_run(at(name));
  EXPECT_THAT(find_runs({at("runs/b") / "", at("runs")}).runs,
              ElementsAre(at("runs/b") / "", at("runs/a")));
}

TEST_F(RunFoldersTest, AFolderOfRunsThatAreNotWholeIsRefusedWithTheReason) {
  make_fake_run(at("runs/a"));
  std::filesystem::remove(at("runs/a/config.toml"));
  try {
    find_runs({at("runs")});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(at("runs/a").string() + ": config.toml is missing"));
  }
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
