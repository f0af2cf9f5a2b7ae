#include "monitoring/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/error.h"
#include "temporary_directory.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

StepReport step_report(int64_t step) {
  StepReport report;
  report.step = step;
  report.epoch = step / 10;
  report.loss = 1.0 / 3;
  report.learning_rate = 0.1;
  report.gradient_norm = 2;
  report.images = 32;
  report.step_seconds = 0.5;
  report.data_wait_seconds = 0.125;
  report.to_device_seconds = 0.03;
  report.forward_seconds = 0.1;
  report.backward_seconds = 0.2;
  report.exchange_exposed_seconds = 0.01;
  report.optimizer_seconds = 0.02;
  report.sums_seconds = 0.005;
  report.exchanged_bytes = 12345;
  report.alpha = 0.3;
  report.beta = 0.4;
  report.gamma = 0.5;
  report.loss_scale = 4096;
  report.steady_seconds = 987.5;
  report.slowest = {.rank = 3, .seconds = 0.4, .median_seconds = 0.3};
  return report;
}

class RunLogTest : public ::testing::Test {
 protected:
  void write_steps(int64_t from, int64_t to) {
    RunLog log(path_, from);
    for (int64_t step = from; step <= to; ++step) log.record(step_report(step));
  }
  std::vector<int64_t> steps() const {
    std::vector<int64_t> steps;
    for (const StepReport& report : read_run_log(path_)) steps.push_back(report.step);
    return steps;
  }

  TemporaryDirectory folder_;
  std::filesystem::path path_ = folder_.path() / "metrics.jsonl";
};

TEST_F(RunLogTest, HasTheKeysThatProgramsRelyOn) {
  write_steps(1, 1);
  const auto line = nlohmann::json::parse(read_text(path_));
  EXPECT_EQ(line["step"], 1);
  EXPECT_EQ(line["epoch"], 0);
  EXPECT_EQ(line["loss"], 1.0 / 3);
  EXPECT_EQ(line["learning_rate"], 0.1);
  EXPECT_EQ(line["gradient_norm"], 2);
  EXPECT_EQ(line["images_per_second"], 64);
  EXPECT_EQ(line["data_wait_ratio"], 0.25);
  EXPECT_EQ(line["step_seconds"], 0.5);
}

TEST_F(RunLogTest, GivesBackEveryField) {
  write_steps(12, 12);
  const std::vector<StepReport> read = read_run_log(path_);
  ASSERT_EQ(read.size(), 1u);
  const StepReport expected = step_report(12);
  EXPECT_EQ(read[0].step, expected.step);
  EXPECT_EQ(read[0].epoch, expected.epoch);
  EXPECT_EQ(read[0].loss, expected.loss);
  EXPECT_EQ(read[0].learning_rate, expected.learning_rate);
  EXPECT_EQ(read[0].gradient_norm, expected.gradient_norm);
  EXPECT_EQ(read[0].applied, expected.applied);
  EXPECT_EQ(read[0].images, expected.images);
  EXPECT_EQ(read[0].step_seconds, expected.step_seconds);
  EXPECT_EQ(read[0].data_wait_seconds, expected.data_wait_seconds);
  EXPECT_EQ(read[0].to_device_seconds, expected.to_device_seconds);
  EXPECT_EQ(read[0].forward_seconds, expected.forward_seconds);
  EXPECT_EQ(read[0].backward_seconds, expected.backward_seconds);
  EXPECT_EQ(read[0].exchange_exposed_seconds, expected.exchange_exposed_seconds);
  EXPECT_EQ(read[0].optimizer_seconds, expected.optimizer_seconds);
  EXPECT_EQ(read[0].sums_seconds, expected.sums_seconds);
  EXPECT_EQ(read[0].exchanged_bytes, expected.exchanged_bytes);
  EXPECT_EQ(read[0].alpha, expected.alpha);
  EXPECT_EQ(read[0].beta, expected.beta);
  EXPECT_EQ(read[0].gamma, expected.gamma);
  EXPECT_EQ(read[0].loss_scale, expected.loss_scale);
  EXPECT_EQ(read[0].steady_seconds, expected.steady_seconds);
  EXPECT_EQ(read[0].slowest.rank, expected.slowest.rank);
  EXPECT_EQ(read[0].slowest.seconds, expected.slowest.seconds);
  EXPECT_EQ(read[0].slowest.median_seconds, expected.slowest.median_seconds);
}

TEST_F(RunLogTest, AddsUpTheTimeOfTheStepsThatARunGoesOnFrom) {
  write_steps(1, 10);
  std::ofstream(path_, std::ios::app) << R"({"step": 11, "applied": false, "step_seconds": 9})"
                                      << "\n"
                                      << R"({"step": 12, "applied": true, "step_seconds": "long"})"
                                      << "\n";
  const RunLog all(path_, 100);
  EXPECT_EQ(all.kept().lines, 12);
  EXPECT_DOUBLE_EQ(all.kept().applied_seconds, 10 * 0.5)
      << "neither skipped steps nor damage count";
  const RunLog half(path_, 5);
  EXPECT_EQ(half.kept().lines, 4);
  EXPECT_DOUBLE_EQ(half.kept().applied_seconds, 4 * 0.5);
  EXPECT_EQ(half.newest_dropped(), 12);
}

TEST_F(RunLogTest, ReadsLinesFromBeforeThereWasALossScale) {
  write_steps(1, 1);
  auto line = nlohmann::json::parse(read_text(path_));
  EXPECT_EQ(line["loss_scale"], 4096);
  line.erase("loss_scale");
  line.erase("steady_seconds");
  std::ofstream(path_) << line.dump() << "\n";
  EXPECT_EQ(read_run_log(path_)[0].loss_scale, 1);
}

TEST_F(RunLogTest, WritesNullForWhatIsNotFinite) {
  {
    RunLog log(path_);
    StepReport report = step_report(1);
    report.loss = std::nan("");
    report.gradient_norm = INFINITY;
    report.applied = false;
    log.record(report);
  }
  const auto line = nlohmann::json::parse(read_text(path_));
  EXPECT_TRUE(line["loss"].is_null());
  EXPECT_TRUE(line["gradient_norm"].is_null());
  EXPECT_FALSE(line["applied"].get<bool>());
  EXPECT_TRUE(std::isnan(read_run_log(path_)[0].loss));
}

TEST_F(RunLogTest, SaysWhyAStepWasSkipped) {
  {
    RunLog log(path_);
    for (int step = 1; step <= 3; ++step) {
      StepReport report = step_report(step);
      report.applied = step == 1;
      report.spike = step == 3;
      log.record(report);
    }
  }
  std::istringstream lines(read_text(path_));
  for (const char* reason : {"", "not finite", "spike"}) {
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(nlohmann::json::parse(line).value("skipped", ""), reason);
  }
  const std::vector<StepReport> read = read_run_log(path_);
  EXPECT_FALSE(read[0].spike || read[1].spike);
  EXPECT_TRUE(read[2].spike);
}

TEST_F(RunLogTest, ShowsALineAsSoonAsItIsRecorded) {
  RunLog log(path_);
  log.record(step_report(1));
  EXPECT_THAT(steps(), ElementsAre(1));
  log.record(step_report(2));
  EXPECT_THAT(steps(), ElementsAre(1, 2));
}

TEST_F(RunLogTest, DropsTheLinesThatAResumedRunRepeats) {
  write_steps(1, 5);
  write_steps(4, 6);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(RunLogTest, TellsTheNewestStepThatItDropped) {
  EXPECT_EQ(RunLog(path_, 1).newest_dropped(), 0) << "there was no file";
  write_steps(1, 5);
  EXPECT_EQ(RunLog(path_, 6).newest_dropped(), 0);
  EXPECT_EQ(RunLog(path_, 4).newest_dropped(), 5);
  EXPECT_EQ(RunLog(path_, 4).newest_dropped(), 0);
}

TEST_F(RunLogTest, KeepsWhatOtherVersionsWroteIntoOldLines) {
  write_steps(1, 1);
  std::string text = read_text(path_);
  text.insert(text.rfind('}'), ",\"extra\":\"kept\"");
  write_text(path_, text);
  write_steps(2, 2);
  EXPECT_THAT(read_text(path_), HasSubstr("\"extra\":\"kept\""));
}

TEST_F(RunLogTest, LeavesOutALastLineThatAKillTore) {
  write_steps(1, 3);
  const std::string text = read_text(path_);
  for (const size_t torn : {size_t{1}, size_t{20}, text.size() / 3 - 2}) {
    write_text(path_, text.substr(0, text.size() - torn - 1));
    EXPECT_THAT(steps(), ElementsAre(1, 2)) << torn << " bytes short";
  }
  write_text(path_, text.substr(0, text.size() - 1));
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3)) << "only the line's end is missing";
}

TEST_F(RunLogTest, GoesOnAfterATornLine) {
  write_steps(1, 3);
  const std::string text = read_text(path_);
  write_text(path_, text.substr(0, text.size() - 30));
  write_steps(3, 4);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4));
}

TEST_F(RunLogTest, RefusesALineOfAnotherKindAndNamesIt) {
  write_steps(1, 3);
  std::string text = read_text(path_);
  text.insert(text.find('\n') + 1, "{\"other\": 1}\n");
  write_text(path_, text);
  try {
    read_run_log(path_);
    FAIL() << "a line that is no step was skipped";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("metrics.jsonl:2"));
  }
}

TEST_F(RunLogTest, NamesAFileThatCannotBeOpened) {
  const auto nowhere = folder_.path() / "missing" / "metrics.jsonl";
  try {
    RunLog log(nowhere);
    FAIL() << "a log was opened in a folder that does not exist";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(nowhere.string()));
  }
  EXPECT_THROW(read_run_log(nowhere), UsageError);
}

}  // namespace
}  // namespace catamaran
