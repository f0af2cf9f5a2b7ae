// The parts of the report: text, points of charts, summary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fake_run.h"
#include "monitoring/chart_points.h"
#include "monitoring/html_text.h"
#include "monitoring/report_assets.h"
#include "monitoring/run_summary.h"
#include "support/hash.h"

namespace catamaran {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;
using ::testing::StartsWith;

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
  EXPECT_EQ(jpeg_data_url("foobar"), "data:image/jpeg;base64,Zm9vYmFy");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64(""), "");
}

TEST(ScriptJson, CannotEndTheElementThatItStandsInNorBeReadAsMarkup) {
  const nlohmann::json hostile = {
      {"</script><script>alert(1)</script>", "<!-- & ]]> \u2028 \u2029 é \xff"}};
  const std::string text = script_json(hostile);
  for (const char* bad : {"<", ">", "&", "\u2028", "\u2029", "\xff"})
    EXPECT_THAT(text, Not(HasSubstr(bad))) << bad;
  const nlohmann::json read = nlohmann::json::parse(text);
  EXPECT_EQ(read["</script><script>alert(1)</script>"], "<!-- & ]]> \u2028 \u2029 é \uFFFD");
}

TEST(ReportAssets, AreInTheProgram) {
  EXPECT_THAT(std::string(report_style()), HasSubstr("prefers-color-scheme: dark"));
  const std::string script(report_script());
  EXPECT_THAT(script, StartsWith("\"use strict\";"));
  EXPECT_THAT(script, HasSubstr("runPage();"));
  for (const char* ends : {"</script", "<!--"}) EXPECT_THAT(script, Not(HasSubstr(ends)));
  EXPECT_THAT(std::string(plotly_gzip().substr(0, 3)), std::string("\x1f\x8b\x08", 3));
  EXPECT_GT(plotly_gzip().size(), 1000000u);
  EXPECT_EQ(plotly_sha256().size(), 64u);
  EXPECT_THAT(std::string(plotly_licence()), HasSubstr("Permission is hereby granted"));
}

TEST(ReportAssets, NameAScriptByItsHashAsPoliciesDo) {
  EXPECT_EQ(policy_source(sha256("")), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
}

TEST(ThinnedPoints, KeepTheFirstTheLastAndEverySpike) {
  std::vector<double> values(100000, 1.0);
  values[54321] = 10;
  values[777] = -3;
  values[50] = std::nan("");
  const std::vector<size_t> kept = thinned(values, 1000);
  EXPECT_LE(kept.size(), 1000u);
  EXPECT_EQ(kept.front(), 0u);
  EXPECT_EQ(kept.back(), values.size() - 1);
  EXPECT_TRUE(std::ranges::is_sorted(kept));
  for (const size_t spike : {54321u, 777u})
    EXPECT_NE(std::ranges::find(kept, spike), kept.end()) << spike;
}

TEST(ThinnedPoints, AreAllOfThemWhereThereAreFew) {
  EXPECT_THAT(thinned(std::vector<double>{3, 1, 2}, 4), ElementsAre(0, 1, 2));
  EXPECT_TRUE(thinned(std::vector<double>{}, 4).empty());
}

TEST(ThinnedPoints, LeaveAGapWhereNothingIsFinite) {
  std::vector<double> values(100, std::nan(""));
  values[0] = 1;
  EXPECT_LE(thinned(values, 10).size(), 10u);
}

TEST(ShortNumber, HasAsManyDigitsAsAScreenShows) {
  EXPECT_EQ(short_number(0.693147180559).dump(), "0.69315");
  EXPECT_EQ(short_number(1234567.0).dump(), "1234567");
  EXPECT_EQ(short_number(1e-7 / 3).dump(), "3.3333e-08");
  EXPECT_TRUE(short_number(std::nan("")).is_null());
  EXPECT_TRUE(short_number(INFINITY).is_null());
  EXPECT_EQ(short_numbers(std::vector<double>{0.5, 2}, 3).dump(), "[0.5,2]");
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

RecordedStep half_second(int64_t step) {
  RecordedStep made;
  made.step = step;
  made.epoch = (step - 1) / 10;
  made.images = 32;
  made.loss = 0.5;
  made.seconds = 0.5;
  made.parts = {0.05, 0, 0.1, 0.2, 0.025, 0.025, 0.1};
  return made;
}

TEST(RunSummary, CountsTheStepsBetweenLoggedOnes) {
  RecordedRun run;
  for (const int64_t step : {10, 20, 30}) run.steps.push_back(half_second(step));
  run.steps[1].applied = false;
  run.steps[2].applied = false;
  run.steps[2].spike = true;
  const RunSummary summary = summarize(run);
  EXPECT_DOUBLE_EQ(summary.seconds, 30 * 0.5);
  EXPECT_EQ(summary.steps, 30);
  EXPECT_EQ(summary.epochs, 3);
  EXPECT_EQ(summary.logged_steps, 3);
  EXPECT_EQ(summary.skipped_steps, 2);
  EXPECT_EQ(summary.spikes, 1);
  EXPECT_THAT(summary.median_images_per_second, Optional(64.0));
  EXPECT_THAT(summary.data_wait_ratio, Optional(DoubleNear(0.1, 1e-12)));
  EXPECT_NEAR(summary.part_seconds[3], 0.2, 1e-12);
  EXPECT_EQ(summary.best_map, std::nullopt);
}

}  // namespace
}  // namespace catamaran
