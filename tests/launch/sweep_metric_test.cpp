#include "launch/sweep_metric.h"

#include <gtest/gtest.h>

#include "sweep_fixture.h"

namespace catamaran {
namespace {

class SweepMetricTest : public SweepFolder {
 protected:
  void evaluation(const std::string& name, int64_t step, double map) const {
    write("run/eval/" + name + ".json", "{\"step\": " + std::to_string(step) + ", \"map\": " +
                                            std::to_string(map) + ", \"of1\": 0.25}");
  }
  std::optional<double> value(const std::string& metric, int64_t until = 0) const {
    return read_metric(metric, folder_ / "run", until);
  }
};

TEST_F(SweepMetricTest, BestIsTheHighestAndLastTheNewestUpToAStep) {
  EXPECT_FALSE(value("best_map"));
  evaluation("epoch-0001", 10, 0.25);
  evaluation("step-00000015", 15, 0.75);
  evaluation("epoch-0002", 20, 0.5);
  EXPECT_EQ(value("best_map"), 0.75);
  EXPECT_EQ(value("last_map"), 0.5);
  EXPECT_EQ(value("best_map", 14), 0.25);
  EXPECT_EQ(value("last_map", 15), 0.75);
  EXPECT_FALSE(value("best_map", 9));
  EXPECT_EQ(value("last_of1"), 0.25);
  EXPECT_FALSE(value("best_cf1"));  // the files have none
}

TEST_F(SweepMetricTest, DamagedEvaluationsCountAsNotThere) {
  evaluation("epoch-0001", 10, 0.25);
  write("run/eval/epoch-0002.json", "{\"step\": 20, \"map\":");
  write("run/eval/epoch-0003.json", "{\"step\": \"x\", \"map\": 0.9}");
  write("run/eval/epoch-0004.json", "{\"step\": 40, \"map\": null}");
  write("run/eval/epoch-0005.txt", "{\"step\": 50, \"map\": 0.9}");
  EXPECT_EQ(value("best_map"), 0.25);
  EXPECT_EQ(value("last_map"), 0.25);
}

TEST_F(SweepMetricTest, LossIsTheMeanOfTheNewestLines) {
  std::string lines;
  for (int step = 1; step <= 40; ++step)
    lines += "{\"step\": " + std::to_string(step) + ", \"loss\": " + std::to_string(step) + "}\n";
  write("run/metrics.jsonl", lines + "{\"step\": 41, \"loss\": null}\n{\"step\": 42, \"lo");
  EXPECT_DOUBLE_EQ(*value("last_loss"), 30.5);  // of 21 to 40
  EXPECT_DOUBLE_EQ(*value("last_loss", 10), 5.5);
  EXPECT_FALSE(is_higher_better("last_loss"));
  EXPECT_FALSE(needs_evaluation("last_loss"));
}

TEST_F(SweepMetricTest, OfALongLogTheEndIsRead) {
  std::string lines;
  for (int step = 1; step <= 20000; ++step)
    lines += "{\"step\": " + std::to_string(step) + ", \"loss\": 2}\n";
  write("run/metrics.jsonl", lines);
  EXPECT_EQ(value("last_loss"), 2);
  EXPECT_FALSE(value("last_loss", 10));  // too far back
}

TEST(SweepMetric, EveryNameIsReadable) {
  for (const std::string& name : metric_names())
    EXPECT_FALSE(read_metric(name, "/nowhere", 0)) << name;
  EXPECT_TRUE(is_higher_better("best_map") && needs_evaluation("best_map"));
}

}  // namespace
}  // namespace catamaran
