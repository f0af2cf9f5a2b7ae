#include "monitoring/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "fake_run.h"
#include "monitoring/html_text.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

int64_t count_of(const std::string& text, const std::string& part) {
  int64_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Tags that close without having been opened, or stay open. Works because text and attributes are
// escaped, which it thereby tests as well.
std::vector<std::string> unbalanced_tags(const std::string& page) {
  const std::set<std::string> never_closed = {"meta", "img", "br", "!DOCTYPE"};
  std::vector<std::string> open, wrong;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const size_t end = page.find('>', at);
    const std::string tag = page.substr(at + 1, end - at - 1);
    const bool closes = tag.front() == '/';
    const size_t from = closes ? 1 : 0;
    const std::string name = tag.substr(from, tag.find_first_of(" /", from) - from);
    if (tag.back() == '/' || never_closed.count(name) > 0) continue;
    if (!closes) {
      open.push_back(name);
    } else if (!open.empty() && open.back() == name) {
      open.pop_back();
    } else {
      wrong.push_back("</" + name + ">");
    }
  }
  wrong.insert(wrong.end(), open.begin(), open.end());
  return wrong;
}

class HtmlReport : public ::testing::Test {
 protected:
  std::filesystem::path run(const std::string& name) const { return folder_.path() / name; }
  std::string page_of(const std::vector<std::filesystem::path>& runs) const {
    const auto out = folder_.path() / "report.html";
    write_html_report(runs, out);
    return read_text(out);
  }
  std::string complaint_about(const std::filesystem::path& run) const {
    try {
      page_of({run});
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  }

  TemporaryDirectory folder_;
};

TEST_F(HtmlReport, ShowsTheNumbersOfARun) {
  make_fake_run(run("voc07"));
  add_fake_evaluation(run("voc07"), "epoch-0001", 0.5);
  add_fake_evaluation(run("voc07"), "epoch-0003", 0.87429);
  add_fake_evaluation(run("voc07"), "final", 0.8611);
  const std::string page = page_of({run("voc07")});
  EXPECT_THAT(page, HasSubstr("<h1>voc07</h1>"));
  EXPECT_THAT(page, HasSubstr(">87.43<"));
  EXPECT_THAT(page, HasSubstr("best mAP, epoch 3"));
  EXPECT_THAT(page, HasSubstr(">86.11<"));
  EXPECT_THAT(page, HasSubstr(">64.0<")) << "images/s: 32 in half a second";
  EXPECT_THAT(page, HasSubstr(">10.00<")) << "data wait: 50 of 500 ms";
  EXPECT_THAT(page, HasSubstr(">0:20<")) << "40 steps of half a second";
  EXPECT_THAT(page, HasSubstr("steps in 4 epochs"));
  EXPECT_THAT(page, HasSubstr("4 ranks"));
}

TEST_F(HtmlReport, HasFMeasuresOverAllLabelsAndTheTopThree) {
  make_fake_run(run("a"));
  add_fake_evaluation(run("a"), "epoch-0001", 0.5);
  const std::string page = page_of({run("a")});
  EXPECT_THAT(page, HasSubstr("<td>91.1</td><td>82.2</td><td>86.4</td>"));
  EXPECT_THAT(page, HasSubstr("<td>91.1</td><td>82.2</td><td>55.5</td>"));
}

TEST_F(HtmlReport, SortsClassesByAveragePrecisionAndSaysWhichHasNone) {
  make_fake_run(run("a"));
  add_fake_evaluation(run("a"), "epoch-0001", 0.5);
  const std::string page = page_of({run("a")});
  const size_t dog = page.find("a, dog: 91.23");
  const size_t cat = page.find("a, cat: 34.56");
  const size_t unicorn = page.find("a, unicorn: no positives");
  ASSERT_NE(unicorn, std::string::npos);
  EXPECT_LT(dog, cat);
  EXPECT_LT(cat, unicorn);
}

TEST_F(HtmlReport, DrawsOneLinePerRunInEveryChart) {
  for (const char* name : {"one", "two", "three"}) {
    make_fake_run(run(name));
    add_fake_evaluation(run(name), "epoch-0001", 0.5);
    add_fake_evaluation(run(name), "epoch-0002", 0.6);
  }
  const std::string page = page_of({run("one"), run("two"), run("three")});
  constexpr int kCharts = 6;
  EXPECT_EQ(count_of(page, "<figure class=\"chart\">"), kCharts);
  EXPECT_EQ(count_of(page, "<polyline class=\"line "), 3 * kCharts);
  for (const char* colour : {"s0", "s1", "s2"})
    EXPECT_EQ(count_of(page, "<polyline class=\"line " + std::string(colour) + "\""), kCharts);
  EXPECT_EQ(count_of(page, "<circle "), 3 * 2) << "a dot per evaluation";
  EXPECT_THAT(page, HasSubstr("<title>two, epoch 2: 60.00 %</title>"));
  EXPECT_THAT(page,
              HasSubstr("<ul class=\"legend\"><li><span class=\"swatch s0\"></span>one</li>"));
}

TEST_F(HtmlReport, IsWellFormedAndEscapesWhatRunsBring) {
  const std::string evil = "<script>alert('x')</script> & \"y\"";
  make_fake_run(run("a"), evil);
  nlohmann::json evaluation = fake_evaluation(0.5);
  evaluation["ap"] = {{evil, 0.5}};
  evaluation["protocol"] = evil;
  write_text(run("a") / "eval/epoch-0001.json", evaluation.dump());
  add_fake_explanation(run("a"));
  make_fake_run(run("b"));
  const std::string page = page_of({run("a"), run("b")});
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
  EXPECT_THAT(page, HasSubstr("a &lt;b&gt; &amp; c")) << "config.toml";
  EXPECT_THAT(page, HasSubstr("photos/&lt;dog&gt;.jpg"));
  EXPECT_THAT(unbalanced_tags(page), IsEmpty());
}

TEST_F(HtmlReport, NeedsNoOtherFile) {
  make_fake_run(run("a"));
  add_fake_explanation(run("a"));
  const std::string page = page_of({run("a")});
  EXPECT_THAT(page, HasSubstr(png_data_url({kFakePng, sizeof kFakePng - 1})));
  EXPECT_THAT(page, HasSubstr("<b>dog</b> 98.7 %"));
  for (const char* outside : {"http:", "https:", "src=\"1", "<link", "@import", "url("})
    EXPECT_THAT(page, Not(HasSubstr(outside)));
}

TEST_F(HtmlReport, TellsUnderAnExplainedPictureWhatIsRightWrongAndMissing) {
  make_fake_run(run("a"));
  add_fake_explanation_with_truth(run("a"));
  const std::string page = page_of({run("a")});
  EXPECT_THAT(page, HasSubstr("packs/test:1.jpg<br><span class=\"right\">right: dog, owl</span>"
                              "<br><span class=\"wrong\">wrong: &lt;cat&gt;</span>"
                              "<br><span class=\"missing\">missing: bird</span>"
                              "<br><span class=\"ignored\">ignored: cow</span></figcaption>"));
  EXPECT_THAT(page, HasSubstr("<b>bird</b> 50.0 % <span class=\"missing\">missing</span>"));
  EXPECT_THAT(page, HasSubstr("<b>fox</b> 50.0 %</figcaption>"));
  EXPECT_THAT(page, HasSubstr("missing: in the picture, and under it"));
  EXPECT_THAT(unbalanced_tags(page), IsEmpty());
}

TEST_F(HtmlReport, TellsNoVerdictsWhereTheTruthOfAPictureIsNotKnown) {
  make_fake_run(run("a"));
  add_fake_explanation(run("a"));
  const std::string page = page_of({run("a")});
  for (const char* word : {">right: ", ">wrong: ", ">missing: "})
    EXPECT_THAT(page, Not(HasSubstr(word)));
}

TEST_F(HtmlReport, TellsWhereTheTimeOfAStepGoes) {
  make_fake_run(run("a"));
  const std::string page = page_of({run("a")});
  EXPECT_THAT(page, HasSubstr("a, backward: 200 ms, 40.0 %"));
  EXPECT_THAT(page, HasSubstr("a, data wait: 50 ms, 10.0 %"));
  EXPECT_THAT(page, HasSubstr("a, other: 100 ms, 20.0 %"));
}

TEST_F(HtmlReport, IsMadeOfARunThatHasNoEvaluationAndNothingExplained) {
  make_fake_run(run("a"));
  const std::string page = page_of({run("a")});
  EXPECT_THAT(page, HasSubstr("nothing recorded")) << "the chart of mAP";
  EXPECT_THAT(page, Not(HasSubstr("<h2>Accuracy</h2>")));
  EXPECT_THAT(page, Not(HasSubstr("Where the model looks")));
  EXPECT_THAT(unbalanced_tags(page), IsEmpty());
}

TEST_F(HtmlReport, IsMadeOfARunThatHasJustBegun) {
  make_fake_run(run("a"));
  write_text(run("a") / "metrics.jsonl", "");
  EXPECT_THAT(unbalanced_tags(page_of({run("a")})), IsEmpty());
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

TEST_F(HtmlReport, NamesTheFileThatIsMissing) {
  EXPECT_THAT(complaint_about(run("nowhere")), HasSubstr(run("nowhere").string()));
  for (const char* file : {"config.toml", "manifest.json", "metrics.jsonl"}) {
    make_fake_run(run("a"));
    std::filesystem::remove(run("a") / file);
    EXPECT_THAT(complaint_about(run("a")), HasSubstr((run("a") / file).string()));
  }
}

TEST_F(HtmlReport, NamesTheFileThatIsBroken) {
  make_fake_run(run("a"));
  nlohmann::json evaluation = fake_evaluation(0.5);
  evaluation["top3"].erase("or");
  write_text(run("a") / "eval/epoch-0001.json", evaluation.dump());
  EXPECT_THAT(complaint_about(run("a")), HasSubstr("epoch-0001.json"));
  EXPECT_THAT(complaint_about(run("a")), HasSubstr("'or'"));
  write_text(run("a") / "eval/epoch-0001.json", "{\"map\": 0.");
  EXPECT_THAT(complaint_about(run("a")), HasSubstr("epoch-0001.json"));
  evaluation = fake_evaluation(0.5);
  evaluation["ap"]["dog"] = "high";
  write_text(run("a") / "eval/epoch-0001.json", evaluation.dump());
  EXPECT_THAT(complaint_about(run("a")), HasSubstr("'dog'"));
  std::filesystem::remove_all(run("a") / "eval");
  write_text(run("a") / "manifest.json", "[1,");
  EXPECT_THAT(complaint_about(run("a")), HasSubstr("manifest.json"));
}

TEST_F(HtmlReport, EmbedsOnlyPicturesOfTheRunItself) {
  make_fake_run(run("a"));
  write_text(run("a") / "secret.png", kFakePng);
  for (const char* elsewhere : {"../secret.png", "/etc/passwd", "..", "", "sub/1.png"}) {
    add_fake_explanation(run("a"), elsewhere);
    EXPECT_THAT(complaint_about(run("a")), HasSubstr("explain.json")) << elsewhere;
  }
  add_fake_explanation(run("a"));
  write_text(run("a") / "explain/1.png", "no picture");
  EXPECT_THAT(complaint_about(run("a")), HasSubstr("not a PNG"));
}

TEST_F(HtmlReport, LeavesAnOldPageAloneWhenItFails) {
  write_text(folder_.path() / "report.html", "old");
  EXPECT_NE(complaint_about(run("nowhere")), "");
  EXPECT_EQ(read_text(folder_.path() / "report.html"), "old");
}

TEST_F(HtmlReport, OfNoRunIsRefused) { EXPECT_THROW(page_of({}), UsageError); }

}  // namespace
}  // namespace catamaran
