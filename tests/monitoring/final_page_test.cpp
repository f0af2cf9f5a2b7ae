#include "monitoring/final_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "metrics_fixture.h"
#include "temporary_directory.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunEnd failed() {
  Metrics metrics(run_info());
  metrics.set_state(RunState::kTrain);
  metrics.record(step_report(25));
  return {.run = "voc \"07\"",
          .reason = "failure",
          .cause = "consistency check at step 25: tensor 'fpn.bias' differs\non rank 1",
          .exit_code = 6,
          .numbers = metrics.numbers(),
          .unix_seconds = 1.8e9};
}

TEST(FinalPage, SaysStateCodeCauseAndWhereTheRunStood) {
  const std::string page = final_page(failed());
  EXPECT_THAT(page, HasSubstr("catamaran_final_info{run=\"voc \\\"07\\\"\",state=\"train\",reason="
                              "\"failure\",cause=\"consistency check at step 25: tensor 'fpn.bias' "
                              "differs on rank 1\"} 1\n"));
  const std::string run = "{run=\"voc \\\"07\\\"\"}";
  EXPECT_EQ(value_in(page, "catamaran_final_exit_code" + run), 6);
  EXPECT_EQ(value_in(page, "catamaran_final_step" + run), 25);
  EXPECT_EQ(value_in(page, "catamaran_final_epoch" + run), 2);
  EXPECT_EQ(value_in(page, "catamaran_final_progress_ratio" + run), 0.25);
  EXPECT_EQ(value_in(page, "catamaran_final_loss" + run), 0.25);
  EXPECT_EQ(value_in(page, "catamaran_final_timestamp_seconds" + run), 1.8e9);
}

TEST(FinalPage, LeavesOutACodeThatTheLauncherAloneKnows) {
  RunEnd end = failed();
  end.exit_code.reset();
  EXPECT_THAT(final_page(end), Not(HasSubstr("exit_code")));
}

TEST(FinalPage, CutsALongCauseBetweenTwoCharacters) {
  RunEnd end = failed();
  end.cause.clear();
  for (int i = 0; i < 400; ++i) end.cause += "\xc3\xa9";  // two bytes each
  end.cause.insert(0, "a");
  const std::string page = final_page(end);
  EXPECT_THAT(page, HasSubstr("\xc3\xa9...\"} 1\n"));
  EXPECT_LT(page.find("\n# HELP catamaran_final_exit_code"), 600u);
}

TEST(FinalPage, PassesPromtool) {
  const TemporaryDirectory folder;
  RunEnd end = failed();
  end.cause = "bytes \x01\xff of a name, a \\ and a \" in it";
  write_text(folder.path() / "final.prom", final_page(end));
  const std::string command = "promtool check metrics < '" +
                              (folder.path() / "final.prom").string() + "' > '" +
                              (folder.path() / "said").string() + "' 2>&1";
  const int status = std::system(command.c_str());
  ASSERT_NE(WEXITSTATUS(status), 127) << "promtool is missing: apt-get install prometheus";
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_text(folder.path() / "said"), "");
}

}  // namespace
}  // namespace catamaran
