// The page as a whole: what stands in it, and that nothing that a run brings becomes markup.
#include "monitoring/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "fake_run.h"
#include "monitoring/html_text.h"
#include "monitoring/report_assets.h"
#include "support/error.h"
#include "support/hash.h"

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

// Without what is no markup: scripts, data, style.
std::string markup_of(std::string page) {
  for (const char* element : {"script", "style"}) {
    const std::string open = "<" + std::string(element), close = "</" + std::string(element) + ">";
    for (size_t at = page.find(open); at != std::string::npos; at = page.find(open, at))
      page.erase(at, page.find(close, at) + close.size() - at);
  }
  return page;
}

// Tags that close without having been opened, or stay open. Works because text and attributes are
// escaped, which it thereby tests as well.
std::vector<std::string> unbalanced_tags(const std::string& whole_page) {
  const std::set<std::string> never_closed = {"meta", "img", "br", "!DOCTYPE"};
  const std::string page = markup_of(whole_page);
  std::vector<std::string> open, wrong;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const size_t end = page.find('>', at);
    const std::string tag = page.substr(at + 1, end - at - 1);
    const bool closes = tag.front() == '/';
    const size_t from = closes ? 1 : 0;
    const std::string name = tag.substr(from, tag.find_first_of(" /", from) - from);
    if (tag.back() == '/' || never_closed.contains(name)) continue;
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

nlohmann::json charts_of(const std::string& page) {
  const std::string before = "id=\"report-data\">";
  const size_t begin = page.find(before) + before.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin))["charts"];
}

nlohmann::json chart_named(const std::string& page, const std::string& title) {
  for (const nlohmann::json& chart : charts_of(page)) {
    if (chart.value("title", "") == title) return chart;
  }
  ADD_FAILURE() << "no chart is called " << title;
  return {};
}

class HtmlReport : public ::testing::Test {
 protected:
  std::filesystem::path run(const std::string& name) const { return folder_.path() / name; }
  std::string page_of(const std::vector<std::filesystem::path>& runs,
                      const ReportOptions& options = {}) const {
    const auto out = folder_.path() / "report.html";
    write_html_report(runs, out, options);
    return read_text(out);
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

TEST_F(HtmlReport, HasFMeasuresAndClassesByAveragePrecision) {
  make_fake_run(run("a"));
  add_fake_evaluation(run("a"), "epoch-0001", 0.5);
  write_text(run("a") / "curves/epoch-0001.json", fake_curves().dump());
  const std::string page = page_of({run("a")});
  EXPECT_THAT(page, HasSubstr("<td data-v=\"0.911\">91.1</td><td data-v=\"0.822\">82.2</td>"));
  EXPECT_THAT(page, HasSubstr("<td data-v=\"0.5551\">55.5</td>")) << "top-3";
  const size_t dog = page.find("<tr><td>dog</td>"), cat = page.find("<tr><td>cat</td>");
  const size_t unicorn = page.find("<tr><td>unicorn</td>");
  ASSERT_NE(unicorn, std::string::npos);
  EXPECT_LT(dog, cat);
  EXPECT_LT(cat, unicorn);
  EXPECT_THAT(page.substr(unicorn, 80), HasSubstr("no positives"));
  EXPECT_THAT(page.substr(dog, 300), HasSubstr("<td data-v=\"0.75\">75.0</td>"))
      << "precision at the threshold: 3 of 4";
}

TEST_F(HtmlReport, DrawsOneLinePerRunInEveryChart) {
  for (const char* name : {"one", "two", "three"}) {
    make_fake_run(run(name));
    add_fake_evaluation(run(name), "epoch-0001", 0.5);
    add_fake_evaluation(run(name), "epoch-0002", 0.6);
  }
  const std::string page = page_of({run("one"), run("two"), run("three")});
  for (const char* title :
       {"Loss", "mAP", "Learning rate", "Throughput", "Gradient norm", "Data wait"}) {
    const nlohmann::json chart = chart_named(page, title);
    std::set<std::string> names;
    for (const nlohmann::json& line : chart["lines"])
      if (line["style"] != "faint") names.insert(line["name"].get<std::string>());
    EXPECT_EQ(names, (std::set<std::string>{"one", "two", "three"})) << title;
  }
  EXPECT_EQ(chart_named(page, "mAP")["lines"][1]["y"], (nlohmann::json{50, 60}));
  EXPECT_EQ(count_of(page, "class=\"plot\""), static_cast<int64_t>(charts_of(page).size()));
  EXPECT_THAT(page, HasSubstr("<ul class=\"legend\"><li><span class=\"swatch\" "
                              "style=\"--c:var(--s0)\"></span>one</li>"));
}

TEST_F(HtmlReport, ShowsPrecisionRecallAndWhatGoesWrongTogether) {
  make_fake_run(run("a"));
  add_fake_evaluation(run("a"), "epoch-0001", 0.5);
  write_text(run("a") / "curves/epoch-0001.json", fake_curves().dump());
  const std::string page = page_of({run("a")});
  const nlohmann::json curves = chart_named(page, "Precision over recall");
  EXPECT_EQ(curves["classes"], (nlohmann::json{"dog", "cat"}));
  EXPECT_EQ(curves["runs"][0]["by_class"]["cat"]["recall"], (nlohmann::json{0.25, 1}));
  const nlohmann::json mistaken = chart_named(page, "Mistaken");
  EXPECT_EQ(mistaken["y"], (nlohmann::json{"dog", "cat"}));
  EXPECT_EQ(mistaken["z"][0][1], 60) << "a cat in 3 of 5 images whose dog was missed";
  EXPECT_EQ(mistaken["words"][0][1], "3 of 5 images");
  EXPECT_TRUE(mistaken["z"][1][0].is_null());
  EXPECT_EQ(chart_named(page, "Invented beside")["z"].size(), 2u);
  EXPECT_THAT(page, HasSubstr("Missed beside"));
}

TEST_F(HtmlReport, MapsRanksOverTime) {
  make_fake_run(run("a"));
  std::string lines;
  for (int step = 10; step <= 40; step += 10)
    lines += "{\"step\":" + std::to_string(step) +
             ",\"compute_seconds\":[0.1,0.1,0.3],\"data_wait_seconds\":[0,0,0.1]}\n";
  write_text(run("a") / "ranks.jsonl", lines);
  const nlohmann::json map = chart_named(page_of({run("a")}), "Straggler map");
  EXPECT_EQ(map["y"], (nlohmann::json{"0", "1", "2"}));
  EXPECT_EQ(map["x"], (nlohmann::json{10, 20, 30, 40}));
  EXPECT_EQ(map["z"][2], (nlohmann::json{4, 4, 4, 4})) << "four times the median rank's work";
}

TEST_F(HtmlReport, GroupsRanksAndStepsOfALargeRun) {
  make_fake_run(run("a"));
  nlohmann::json seconds(1000, 0.1), waits(1000, 0.0);
  seconds[999] = 0.2;
  std::string lines;
  for (int step = 1; step <= 700; ++step)
    lines +=
        nlohmann::json{{"step", step}, {"compute_seconds", seconds}, {"data_wait_seconds", waits}}
            .dump() +
        "\n";
  write_text(run("a") / "ranks.jsonl", lines);
  const nlohmann::json map = chart_named(page_of({run("a")}), "Straggler map");
  EXPECT_EQ(map["z"].size(), 128u);
  EXPECT_EQ(map["z"][0].size(), 240u);
  EXPECT_EQ(map["z"][127][0], 2) << "the slowest of its group";
  EXPECT_EQ(map["y"][127], "993-999");
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
  write_text(run("a") / "sweep_point.json",
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
  write_text(run("b") / "sweep_point.json", R"({"id": "b", "index": 1, "values": {"x": 1}})");
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

TEST_F(HtmlReport, ShowsTheBestAndTheWorstPicturesApart) {
  make_fake_run(run("a"));
  add_fake_explanation(run("a"));
  const auto index = run("a") / "explain/explain.json";
  nlohmann::json root = nlohmann::json::parse(read_text(index));
  nlohmann::json worst = root["images"][0];
  root["images"][0].update({{"rank", "best"}, {"loss", 0.01}});
  worst.update({{"rank", "worst"}, {"loss", 2.5}, {"image", "bad.jpg"}});
  root["images"].push_back(worst);
  write_text(index, root.dump());
  const std::string page = page_of({run("a")});
  const size_t best = page.find("Does best on"), bad = page.find("Does worst on");
  ASSERT_NE(best, std::string::npos);
  ASSERT_NE(bad, std::string::npos);
  EXPECT_LT(best, bad);
  EXPECT_LT(bad, page.find("bad.jpg"));
  EXPECT_THAT(page, HasSubstr("<small>loss 2.5</small>"));
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
  const nlohmann::json chart = chart_named(page, "Parts of a step");
  EXPECT_EQ(chart["parts"][0], "data wait");
  EXPECT_EQ(chart["bars"][0]["values"], (nlohmann::json{50, 0, 100, 200, 25, 25, 100}));
}

TEST_F(HtmlReport, ShowsWhatDiffersFromTheDefaultAndBetweenRuns) {
  for (const char* name : {"a", "b"}) make_fake_run(run(name));
  write_text(run("b") / "config.toml", "[batch]\nglobal = 64\n");
  const ReportOptions options{.defaults = {{"batch.global", "32", ""}, {"run.name", "\"\"", ""}}};
  const std::string page = page_of({run("a"), run("b")}, options);
  EXPECT_THAT(page, HasSubstr("<td class=\"key\">batch.global</td><td class=\"value\">32</td>"
                              "<td class=\"value\">32</td><td class=\"value best\">64</td>"));
  EXPECT_THAT(page_of({run("a")}, options), HasSubstr("<h3>Other than the default</h3>"));
}

TEST_F(HtmlReport, OfASweepHasATableParallelCoordinatesAndAScatter) {
  for (int point = 0; point < 3; ++point) {
    const std::string name = "sweep/" + std::to_string(point);
    make_fake_run(run(name));
    add_fake_evaluation(run(name), "epoch-0001", 0.5 + 0.1 * point);
    write_text(run(name) / "sweep_point.json",
               nlohmann::json{{"id", "p" + std::to_string(point)},
                              {"index", point},
                              {"values",
                               {{"batch.global", std::to_string(32 << point)},
                                {"optimizer.name", point == 1 ? "\"lamb\"" : "\"sgd\""},
                                {"optimizer.learning_rate", point == 0 ? "1e-4" : "1e-2"}}}}
                   .dump());
  }
  write_text(run("sweep/9") / "sweep_point.json", R"({"id": "p9", "index": 9, "values": {}})");
  const std::string page =
      page_of({run("sweep/0"), run("sweep/1"), run("sweep/2"), run("sweep/9")});
  EXPECT_THAT(page, HasSubstr("<section id=\"sweep\">"));
  EXPECT_THAT(page, HasSubstr("<th>batch.global</th>"));
  EXPECT_THAT(page, HasSubstr("<td class=\"key\">p9</td>"));
  const nlohmann::json chart = chart_named(page, "Points");
  EXPECT_EQ(chart["names"], (nlohmann::json{"p0", "p1", "p2"})) << "p9 has nothing to tell";
  EXPECT_EQ(chart["axes"][0]["values"], (nlohmann::json{32, 64, 128}));
  EXPECT_EQ(chart["axes"][1]["log"], true) << "learning rates";
  EXPECT_EQ(chart["axes"][2]["ticks"].size(), 2u) << "words have places";
  EXPECT_EQ(chart["axes"].back()["values"], (nlohmann::json{50, 60, 70}));
  EXPECT_EQ(chart_named(page, "Two of their numbers")["kind"], "scatter");
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
