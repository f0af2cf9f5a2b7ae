#include "trainer/final_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "file_content.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FinalFileTest : public testing::Test {
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
  static RunEnd failure() {
    RunEnd end;
    end.reason = "failure";
    end.cause = "the shard is gone";
    end.exit_code = 3;
    return end;
  }
  std::string content() const { return file_content(run_ / "final.prom"); }

  const fs::path run_ = fs::path(testing::TempDir()) / ("final-file-" + std::to_string(::getpid()));
  const fs::path moved_ = run_.string() + "-moved";
};

TEST_F(FinalFileTest, SaysHowTheRunEndedAndWhereItStood) {
  FinalFile file(take(), "cat-1");
  const auto metrics = std::make_shared<Metrics>(RunInfo());
  StepReport report;
  report.step = 12;
  metrics->record(report);
  file.follow(metrics);
  file.write(failure());
  EXPECT_THAT(content(), HasSubstr("cause=\"the shard is gone\""));
  EXPECT_THAT(content(), HasSubstr("\ncatamaran_final_exit_code{run=\"cat-1\"} 3\n"));
  EXPECT_THAT(content(), HasSubstr("\ncatamaran_final_step{run=\"cat-1\"} 12\n"));
  RunEnd done;
  done.reason = "done";
  file.write(done);
  EXPECT_THAT(content(), HasSubstr("reason=\"done\"")) << "the last word counts";
  EXPECT_THAT(content(), testing::Not(HasSubstr("exit_code")));
}

TEST_F(FinalFileTest, RemovesTheOneOfTheStartBefore) {
  const auto run = take();
  std::ofstream(run_ / "final.prom") << "of before";
  const FinalFile file(run, "cat-1");
  EXPECT_FALSE(fs::exists(run_ / "final.prom"));
}

TEST_F(FinalFileTest, WritesNothingWhereTheRunDirectoryIsNoLongerItsOwn) {
  FinalFile file(take(), "cat-1");
  const auto other = take(TakeOver::kByForce);
  file.write(failure());
  EXPECT_FALSE(fs::exists(run_ / "final.prom"));
  FinalFile of_other(other, "cat-1");
  fs::rename(run_, moved_);
  of_other.write(failure());
  EXPECT_FALSE(fs::exists(run_));
  EXPECT_FALSE(fs::exists(moved_ / "final.prom"));
}

}  // namespace
}  // namespace catamaran
