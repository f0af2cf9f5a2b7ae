// The parts of the report: text, charts, summary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fake_run.h"
#include "monitoring/html_text.h"
#include "monitoring/run_summary.h"
#include "monitoring/svg_bars.h"
#include "monitoring/svg_chart.h"

namespace catamaran {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

TEST(HtmlText, EscapesEveryCharacterOfMarkup) {
  EXPECT_EQ(html_escape("<a href=\"x\">&'é"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;é");
}

TEST(HtmlText, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(percent(0.874251), "87.43");
  EXPECT_EQ(percent(std::nan("")), "–");
  EXPECT_EQ(fixed(-1.25, 1), "-1.2");
  EXPECT_EQ(compact(0.0001), "0.0001");
  EXPECT_EQ(compact(0.000002), "2e-6");
  EXPECT_EQ(compact(85), "85");
  EXPECT_EQ(compact(12000), "12k");
  EXPECT_EQ(compact(2500000), "2.5M");
  EXPECT_EQ(compact(3e12), "3e12");
  EXPECT_EQ(compact(0), "0");
  EXPECT_EQ(grouped(1234567), "1\u202f234\u202f567");
  EXPECT_EQ(grouped(123), "123");
  EXPECT_EQ(grouped(-123), "-123");
}

TEST(HtmlText, ShortensBetweenCharactersOfUtf8) {
  EXPECT_EQ(shorten("short", 5), "short");
  EXPECT_EQ(shorten("parking meter", 8), "parking…");
  EXPECT_EQ(shorten("ééééé", 3), "éé…");
}

TEST(HtmlText, EncodesPicturesAsTheRfcDoes) {
  EXPECT_EQ(png_data_url("foobar"), "data:image/png;base64,Zm9vYmFy");
  EXPECT_EQ(png_data_url("foob"), "data:image/png;base64,Zm9vYg==");
  EXPECT_EQ(png_data_url(""), "data:image/png;base64,");
}

TEST(LineChart, LeavesOutWhatIsNotFinite) {
  LineChart chart{"Loss", "step", "", false, true, {}};
  chart.lines.push_back(
      {"a", 0, LineStyle::kPlain, {{1, 0.5}, {2, std::nan("")}, {3, INFINITY}, {4, 0.25}}});
  const std::string svg = line_chart(chart);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_THAT(svg, Not(HasSubstr("–")));
  chart.lines[0].points = {{1, std::nan("")}};
  EXPECT_THAT(line_chart(chart), HasSubstr("nothing recorded"));
}

TEST(LineChart, DrawsConstantValuesAndSinglePoints) {
  for (const double value : {0.0, 0.03, -2.0}) {
    LineChart chart{"Learning rate", "step", "", true, false, {}};
    chart.lines.push_back({"a", 0, LineStyle::kPlain, {{5, value}}});
    EXPECT_THAT(line_chart(chart), HasSubstr("<polyline")) << value;
    EXPECT_THAT(line_chart(chart), Not(HasSubstr("–"))) << value;
  }
}

TEST(LineChart, KeepsASpikeWhenItThinsALongRun) {
  LineChart chart{"Loss", "step", "", true, false, {}};
  ChartLine line{"a", 0, LineStyle::kPlain, {}};
  for (int i = 0; i < 100000; ++i)
    line.points.push_back({static_cast<double>(i), i == 54321 ? 10.0 : 1.0});
  chart.lines.push_back(line);
  const std::string svg = line_chart(chart);
  EXPECT_LT(svg.size(), 40000u);
  const std::string highest = ",23.1 ";  // 10 of an axis that ends at 10.5
  EXPECT_THAT(svg, HasSubstr(highest));
}

TEST(StackedBars, OfARunWithoutTimesHaveNoParts) {
  EXPECT_THAT(stacked_bars({"x", "y"}, {{"a", {0, 0}}}, "ms"), Not(HasSubstr("<rect")));
}

TEST(Smoothed, KeepsAConstantAndSkipsWhatIsNotFinite) {
  std::vector<double> values(300, 2.0);
  values[100] = std::nan("");
  for (const double value : smoothed(values)) EXPECT_DOUBLE_EQ(value, 2.0);
  const auto few = smoothed({1, 5, std::nan("")});
  EXPECT_EQ(few[0], 1);
  EXPECT_EQ(few[1], 5);
  EXPECT_TRUE(std::isnan(few[2]));
}

TEST(RunSummary, CountsTheStepsBetweenLoggedOnes) {
  RecordedRun run;
  for (const int64_t step : {10, 20, 30}) run.steps.push_back(fake_step(step));
  run.steps[1].applied = false;
  const RunSummary summary = summarize(run);
  EXPECT_DOUBLE_EQ(summary.seconds, 30 * 0.5);
  EXPECT_EQ(summary.steps, 30);
  EXPECT_EQ(summary.epochs, 3);
  EXPECT_EQ(summary.logged_steps, 3);
  EXPECT_EQ(summary.skipped_steps, 1);
  EXPECT_THAT(summary.median_images_per_second, Optional(64.0));
  EXPECT_THAT(summary.data_wait_ratio, Optional(DoubleNear(0.1, 1e-12)));
  EXPECT_EQ(summary.best_map, std::nullopt);
}

TEST(RecordedRun, OrdersEvaluationsByEpochWithTheFinalOneLast) {
  const TemporaryDirectory folder;
  make_fake_run(folder.path());
  for (const char* name : {"final", "epoch-0010", "epoch-0002"})
    add_fake_evaluation(folder.path(), name, 0.5);
  nlohmann::json by_step = fake_evaluation(0.5);
  by_step["step"] = 25;  // in the third epoch of ten steps
  write_text(folder.path() / "eval/step-00000025.json", by_step.dump());
  write_text(folder.path() / "eval/.epoch-0003.json.tmp.host.1", "{");
  std::vector<std::string> names;
  std::vector<double> epochs;
  for (const RecordedEvaluation& evaluation : read_recorded_run(folder.path()).evaluations) {
    names.push_back(evaluation.name);
    epochs.push_back(evaluation.epoch);
  }
  EXPECT_THAT(names, ElementsAre("epoch-0002", "step-00000025", "final", "epoch-0010"));
  EXPECT_THAT(epochs, ElementsAre(2, 3, 4, 10));
}

}  // namespace
}  // namespace catamaran
