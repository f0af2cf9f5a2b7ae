#include "launch/submission_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SubmissionFilesTest : public testing::Test {
 protected:
  SubmissionFilesTest()
      : folder_(fs::path(testing::TempDir()) / ("submission-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~SubmissionFilesTest() override { fs::remove_all(folder_); }

  fs::path at(const std::string& name) const { return folder_ / name; }
  std::string text(const std::string& name) const {
    std::ifstream file(at(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(at(name)) << content;
  }

  fs::path folder_;
};

TEST_F(SubmissionFilesTest, AreThereIfTheyAreKept) {
  {
    SubmissionFiles files;
    files.place(at("runs/a/submit.sbatch"), "new");
    files.keep();
  }
  EXPECT_EQ(text("runs/a/submit.sbatch"), "new");
}

TEST_F(SubmissionFilesTest, AreTakenBackWithTheFoldersThatWereMade) {
  {
    SubmissionFiles files;
    files.place(at("runs/a/submit.sbatch"), "new");
    files.place(at("runs/a/submit.toml"), "new");
    files.place(at("runs/a/submit.toml"), "newer");
    EXPECT_EQ(text("runs/a/submit.toml"), "newer");
  }
  EXPECT_FALSE(fs::exists(at("runs")));
  EXPECT_TRUE(fs::exists(folder_));
}

TEST_F(SubmissionFilesTest, WhatWasThereIsThereAgain) {
  fs::create_directories(at("runs/a/checkpoints"));
  write("runs/a/submit.sbatch", "old");
  {
    SubmissionFiles files;
    files.place(at("runs/a/submit.sbatch"), "new");
    files.place(at("runs/a/submit.toml"), "new");
  }
  EXPECT_EQ(text("runs/a/submit.sbatch"), "old");
  EXPECT_FALSE(fs::exists(at("runs/a/submit.toml")));
  EXPECT_TRUE(fs::exists(at("runs/a/checkpoints")));
}

TEST_F(SubmissionFilesTest, AFolderThatOthersUseMeanwhileStays) {
  {
    SubmissionFiles files;
    files.place(at("runs/a/submit.sbatch"), "new");
    write("runs/notes.txt", "mine");
  }
  EXPECT_EQ(text("runs/notes.txt"), "mine");
  EXPECT_FALSE(fs::exists(at("runs/a")));
}

TEST_F(SubmissionFilesTest, WhatOthersMakeOfWhatWasRememberedGoesToo) {
  write("sweep.json", "old");
  {
    SubmissionFiles files;
    files.remember_folder(at("out/plans"));
    files.remember(at("sweep.json"));
    files.remember(at("out/lock"));
    fs::create_directories(at("out/plans"));
    write("out/lock", "host");
    write("out/plans/1.json", "plan");
    write("sweep.json", "new");
    files.made(at("out/plans/1.json"));
  }
  EXPECT_EQ(text("sweep.json"), "old");
  EXPECT_FALSE(fs::exists(at("out")));
}

TEST_F(SubmissionFilesTest, AFolderThatCannotBeMadeIsASentence) {
  write("file", "x");
  SubmissionFiles files;
  try {
    files.place(at("file/run/submit.sbatch"), "x");
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("cannot make the folder"));
  }
}

TEST_F(SubmissionFilesTest, TheJobOfARecordIsReadBack) {
  write("submitted.json", submission_json({.job_id = "4711_3", .excluded = {"n1"}}));
  EXPECT_EQ(submitted_job(at("submitted.json")), "4711_3");
  EXPECT_EQ(submitted_job(at("none.json")), std::nullopt);
}

TEST_F(SubmissionFilesTest, ARecordThatIsNoneIsNotLookedAt) {
  for (const char* content : {"", "{", "{}", "[]", "{\"job_id\": 3}", "{\"job_id\": \"12; rm\"}"}) {
    write("submitted.json", content);
    EXPECT_EQ(submitted_job(at("submitted.json")), std::nullopt) << content;
  }
}

}  // namespace
}  // namespace catamaran
