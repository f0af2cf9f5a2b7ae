// The sections of the report: tables, and what its charts are told to show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "report_page.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using ReportSections = ReportPage;

TEST_F(ReportSections, HasFMeasuresAndClassesByAveragePrecision) {
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

TEST_F(ReportSections, DrawsOneLinePerRunInEveryChart) {
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

TEST_F(ReportSections, ShowsPrecisionRecallAndWhatGoesWrongTogether) {
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

TEST_F(ReportSections, MapsRanksOverTime) {
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

TEST_F(ReportSections, GroupsRanksAndStepsOfALargeRun) {
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

TEST_F(ReportSections, TellsUnderAnExplainedPictureWhatIsRightWrongAndMissing) {
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

TEST_F(ReportSections, ShowsTheBestAndTheWorstPicturesApart) {
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

TEST_F(ReportSections, TellsNoVerdictsWhereTheTruthOfAPictureIsNotKnown) {
  make_fake_run(run("a"));
  add_fake_explanation(run("a"));
  const std::string page = page_of({run("a")});
  for (const char* word : {">right: ", ">wrong: ", ">missing: "})
    EXPECT_THAT(page, Not(HasSubstr(word)));
}

TEST_F(ReportSections, TellsWhereTheTimeOfAStepGoes) {
  make_fake_run(run("a"));
  const std::string page = page_of({run("a")});
  const nlohmann::json chart = chart_named(page, "Parts of a step");
  EXPECT_EQ(chart["parts"][0], "data wait");
  EXPECT_EQ(chart["bars"][0]["values"], (nlohmann::json{50, 0, 100, 200, 25, 25, 100}));
}

TEST_F(ReportSections, ShowsWhatDiffersFromTheDefaultAndBetweenRuns) {
  for (const char* name : {"a", "b"}) make_fake_run(run(name));
  write_text(run("b") / "config.toml", "[batch]\nglobal = 64\n");
  const ReportOptions options{.defaults = {{"batch.global", "32", ""}, {"run.name", "\"\"", ""}}};
  const std::string page = page_of({run("a"), run("b")}, options);
  EXPECT_THAT(page, HasSubstr("<td class=\"key\">batch.global</td><td class=\"value\">32</td>"
                              "<td class=\"value\">32</td><td class=\"value best\">64</td>"));
  EXPECT_THAT(page_of({run("a")}, options), HasSubstr("<h3>Other than the default</h3>"));
}

TEST_F(ReportSections, OfASweepHasATableParallelCoordinatesAndAScatter) {
  for (int point = 0; point < 3; ++point) {
    const std::string name = "sweep/" + std::to_string(point);
    make_fake_run(run(name));
    add_fake_evaluation(run(name), "epoch-0001", 0.5 + 0.1 * point);
    write_text(run(name) / "point.json",
               nlohmann::json{{"id", "p" + std::to_string(point)},
                              {"index", point},
                              {"values",
                               {{"batch.global", std::to_string(32 << point)},
                                {"optimizer.name", point == 1 ? "\"lamb\"" : "\"sgd\""},
                                {"optimizer.learning_rate", point == 0 ? "1e-4" : "1e-2"}}}}
                   .dump());
  }
  write_text(run("sweep/9") / "point.json", R"({"id": "p9", "index": 9, "values": {}})");
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

}  // namespace
}  // namespace catamaran
