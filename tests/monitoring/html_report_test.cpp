// The page as a whole: what stands in it, and that nothing that a run brings becomes markup.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "monitoring/html_text.h"
#include "monitoring/report_assets.h"
#include "report_page.h"
#include "support/error.h"
#include "support/hash.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using HtmlReport = ReportPage;

TEST_F(HtmlReport, ShowsTheNumbersOfARun) {
  make_fake_run(run("voc07"));
  add_fake_evaluation(run("voc07"), "epoch-0001", 0.5);
  add_fake_evaluation(run("voc07"), "epoch-0003", 0.87429);
  add_fake_evaluation(run("voc07"), "final", 0.8611);
  const std::string page = page_of({run("voc07")});
  EXPECT_THAT(page, HasSubstr("<h1>voc07</h1>"));
  EXPECT_THAT(page, HasSubstr("Best mAP 87.43 % after epoch 3"));
  EXPECT_THAT(page, HasSubstr(">87.43<"));
  EXPECT_THAT(page, HasSubstr("best mAP, epoch 3"));
  EXPECT_THAT(page, HasSubstr(">86.11<"));
  EXPECT_THAT(page, HasSubstr(">64.0<")) << "images/s: 32 in half a second";
  EXPECT_THAT(page, HasSubstr(">10.00<")) << "data wait: 50 of 500 ms";
  EXPECT_THAT(page, HasSubstr(">0:20<")) << "40 steps of half a second";
  EXPECT_THAT(page, HasSubstr("steps in 4 epochs"));
  EXPECT_THAT(page, HasSubstr("4 ranks"));
}

constexpr const char* kHostile =
    "</script><script>alert('x')</script><img src=x onerror=alert(1)> & \"y\" \u2028 <!--";

TEST_F(HtmlReport, IsWellFormedAndEscapesWhatRunsBring) {
  const std::string evil = kHostile;
  make_fake_run(run("a"), evil);
  nlohmann::json evaluation = fake_evaluation(0.5);
  evaluation["ap"] = {{evil, 0.5}, {"dog", 0.25}};
  evaluation["protocol"] = evil;
  write_text(run("a") / "eval/epoch-0001.json", evaluation.dump());
  nlohmann::json curves = fake_curves();
  curves["classes"] = {evil, "cat"};
  write_text(run("a") / "curves/epoch-0001.json", curves.dump());
  write_text(run("a") / "config.toml", "[run]\n" + evil + "\nname = \"" + evil + "\"  # " + evil);
  write_text(
      run("a") / "log.jsonl",
      nlohmann::json{{"time", 1.0}, {"level", "warning"}, {"rank", 0}, {"message", evil}}.dump());
  write_text(
      run("a") / "events.jsonl",
      nlohmann::json{{"event", "checkpoint"}, {"step", 1}, {"kind", evil}, {"ok", true}}.dump());
  write_text(run("a") / "point.json",
             nlohmann::json{{"id", evil}, {"index", 0}, {"values", {{evil, evil}}}}.dump());
  nlohmann::json manifest = nlohmann::json::parse(read_text(run("a") / "manifest.json"));
  for (const char* key : {"version", "git", "backend", "precision"})
    manifest["lives"][0][key] = evil;
  manifest["lives"][0]["hosts"] = {evil};
  manifest["lives"][0]["libraries"] = {{"torch", evil}};
  manifest["lives"][0]["ended"]["reason"] = evil;
  manifest["lives"][0]["changed_at_resume"] = {{evil, {{"was", evil}, {"is", evil}}}};
  write_text(run("a") / "manifest.json", manifest.dump());
  add_fake_explanation(run("a"));
  write_text(
      run("a") / "data.json",
      nlohmann::json{{"packs",
                      {{{"role", evil},
                        {"images", 3},
                        {"classes", {evil}},
                        {"present", {2}},
                        {"labels_per_image", {1, 2}},
                        {"together", {{2}}},
                        {"width", {{"least", 1}, {"most", 2}, {"quantiles", {{0.5, 1}}}}},
                        {"height", {{"least", 1}, {"most", 2}, {"quantiles", {{0.5, 1}}}}},
                        {"aspect", {{"least", 1}, {"most", 2}, {"quantiles", {{0.5, 1}}}}}}}}}
          .dump());
  make_fake_run(run("b"));
  write_text(run("b") / "point.json", R"({"id": "b", "index": 1, "values": {"x": 1}})");
  const std::string page = page_of({run("a"), run("b")});
  constexpr int kScripts = 3;  // data, library, the page's own
  EXPECT_EQ(count_of(page, "<script"), kScripts);
  EXPECT_EQ(count_of(page, "</script"), kScripts);
  EXPECT_THAT(page, Not(HasSubstr("<img src=x")));
  EXPECT_THAT(page, Not(HasSubstr("<!--")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
  EXPECT_THAT(page, HasSubstr("photos/&lt;dog&gt;.jpg"));
  EXPECT_THAT(unbalanced_tags(page), IsEmpty());
  EXPECT_FALSE(charts_of(page).empty()) << "the data can be read back";
}

TEST_F(HtmlReport, NeedsNoOtherFileAndLetsNoOtherScriptRun) {
  make_fake_run(run("a"));
  add_fake_explanation(run("a"));
  const std::string page = page_of({run("a")});
  EXPECT_THAT(page, HasSubstr("src=\"data:image/jpeg;base64,"));
  EXPECT_THAT(page, HasSubstr("<b>dog</b> 98.7 %"));
  const std::string markup = markup_of(page);
  for (const char* outside : {"http:", "https:", "src=\"1", "<link", "@import", "url("})
    EXPECT_THAT(markup, Not(HasSubstr(outside)));
  for (const char* outside : {"http:", "https:", "@import", "url("})
    EXPECT_THAT(std::string(report_style()) + std::string(report_script()),
                Not(HasSubstr(outside)));
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'; script-src " +
                              policy_source(sha256(report_script())) + " " +
                              policy_source(plotly_sha256()) + ";"));
  EXPECT_THAT(page, HasSubstr("<script>" + std::string(report_script()) + "</script>"))
      << "the very text whose hash the policy names";
  EXPECT_THAT(page, HasSubstr("Permission is hereby granted"));
}

TEST_F(HtmlReport, OfTwentyRunsIsBounded) {
  std::vector<std::filesystem::path> runs;
  for (int i = 0; i < 20; ++i) {
    runs.push_back(run("r" + std::to_string(i)));
    make_fake_run(runs.back());
    add_fake_evaluation(runs.back(), "epoch-0001", 0.5);
  }
  const std::string page = page_of(runs);
  EXPECT_EQ(chart_named(page, "mAP")["lines"].size(), 20u);
  EXPECT_LT(page.size(), size_t{3} << 20);
  EXPECT_THAT(page, HasSubstr("and 14 more</h1>"));
  EXPECT_THAT(unbalanced_tags(page), IsEmpty());
}

TEST_F(HtmlReport, IsMadeOfARunThatHasNoEvaluationAndNothingExplained) {
  make_fake_run(run("a"));
  const std::string page = page_of({run("a")});
  EXPECT_THAT(chart_named(page, "mAP")["lines"], IsEmpty());
  EXPECT_THAT(page, Not(HasSubstr("<h2>Accuracy</h2>")));
  EXPECT_THAT(page, Not(HasSubstr("Where the model looks")));
  EXPECT_THAT(page, HasSubstr("never evaluated"));
  EXPECT_THAT(unbalanced_tags(page), IsEmpty());
}

TEST_F(HtmlReport, IsMadeOfARunThatHasJustBegunOrIsHalfDeleted) {
  make_fake_run(run("a"));
  write_text(run("a") / "metrics.jsonl", "");
  EXPECT_THAT(unbalanced_tags(page_of({run("a")})), IsEmpty());
  for (const char* file : {"config.toml", "manifest.json"}) {
    std::filesystem::remove(run("a") / file);
    const std::string page = page_of({run("a")});
    EXPECT_THAT(unbalanced_tags(page), IsEmpty());
    EXPECT_THAT(page, HasSubstr(std::string(file) + ": it is missing"));
  }
}

TEST_F(HtmlReport, TellsRunsOfTheSameNameApartByTheirFolders) {
  make_fake_run(run("x/cat"));
  make_fake_run(run("y/cat"));
  const std::string page = page_of({run("x/cat"), run("y/cat")});
  EXPECT_THAT(page, HasSubstr("cat (" + run("x/cat").string() + ")"));
  EXPECT_THAT(page, HasSubstr("cat (" + run("y/cat").string() + ")"));
}

TEST_F(HtmlReport, TakesAFolderWithASlashAtItsEnd) {
  make_fake_run(run("voc07"));
  EXPECT_THAT(page_of({run("voc07") / ""}), HasSubstr("<h1>voc07</h1>"));
}

TEST_F(HtmlReport, LeavesAnOldPageAloneWhenItFails) {
  write_text(folder_.path() / "report.html", "old");
  EXPECT_THROW(page_of({run("nowhere")}), UsageError);
  EXPECT_EQ(read_text(folder_.path() / "report.html"), "old");
}

TEST_F(HtmlReport, OfNoRunIsRefused) { EXPECT_THROW(page_of({}), UsageError); }

}  // namespace
}  // namespace catamaran
