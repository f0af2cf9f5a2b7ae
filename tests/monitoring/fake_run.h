// A run directory such as training leaves behind, made by the test.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "drawing/png_file.h"
#include "monitoring/run_log.h"
#include "temporary_directory.h"

namespace catamaran {

inline StepReport fake_step(int64_t step) {
  StepReport report;
  report.step = step;
  report.epoch = (step - 1) / 10;
  report.loss = 0.7 / static_cast<double>(step);
  report.learning_rate = 0.03;
  report.gradient_norm = 1.5;
  report.images = 32;
  report.step_seconds = 0.5;
  report.data_wait_seconds = 0.05;
  report.forward_seconds = 0.1;
  report.backward_seconds = 0.2;
  report.exchange_exposed_seconds = 0.025;
  report.optimizer_seconds = 0.025;
  return report;
}

inline nlohmann::json fake_evaluation(double map) {
  const nlohmann::json f = {{"op", 0.911}, {"or", 0.822}, {"of1", 0.8642},
                            {"cp", 0.733}, {"cr", 0.644}, {"cf1", 0.6856}};
  nlohmann::json root = f;
  root["top3"] = f;
  root["top3"]["of1"] = 0.5551;
  root["map"] = map;
  root["protocol"] = "default";
  root["images"] = 4952;
  root["classes"] = 3;
  root["ap"] = {{"dog", 0.9123}, {"cat", 0.3456}, {"unicorn", nullptr}};
  return root;
}

// 40 steps in 4 epochs, no evaluation, nothing explained.
inline void make_fake_run(const std::filesystem::path& folder, const std::string& name = "") {
  std::filesystem::create_directories(folder);
  write_text(folder / "config.toml",
             "[run]\nname = \"a <b> & c\"  # --set\n\n[batch]\nglobal = 32  # default\n");
  nlohmann::json manifest = {
      {"lives",
       {{{"started_unix_seconds", 1.7e9},
         {"world", 4},
         {"backend", "mpi"},
         {"ended", {{"unix_seconds", 1.7e9 + 60}, {"step", 40}, {"reason", "done"}}}}}}};
  if (!name.empty()) manifest["run"] = name;
  write_text(folder / "manifest.json", manifest.dump());
  RunLog log(folder / "metrics.jsonl");
  for (int64_t step = 1; step <= 40; ++step) log.record(fake_step(step));
}

inline void add_fake_evaluation(const std::filesystem::path& run, const std::string& name,
                                double map) {
  write_text(run / "eval" / (name + ".json"), fake_evaluation(map).dump());
}

inline void write_fake_png(const std::filesystem::path& path) {
  std::filesystem::create_directories(path.parent_path());
  write_png(path, Picture(24, 16, {200, 120, 40}));
}

// What `catamaran eval` would have left: two classes, two points, a pair of each kind.
inline nlohmann::json fake_curves() {
  const nlohmann::json curve = {{"positives", 4},
                                {"predicted", {1, 8}},
                                {"true_positives", {1, 4}},
                                {"threshold", {0.9, 0.1}}};
  return {{"format_version", 1},
          {"protocol", "default"},
          {"threshold", 0.5},
          {"images", 10},
          {"classes", {"dog", "cat"}},
          {"counts",
           {{"true_positives", {3, 0}}, {"false_positives", {1, 2}}, {"false_negatives", {1, 5}}}},
          {"precision_recall", {curve, curve}},
          {"pooled", curve},
          {"mistaken", {{0, 1, 3, 5}}},
          {"invented", {{1, 0, 2, 4}}},
          {"missed", {{0, 1, 1, 2}}}};
}

// A picture of which the truth is known: a label of each verdict.
inline void add_fake_explanation_with_truth(const std::filesystem::path& run) {
  write_fake_png(run / "explain" / "1.png");
  nlohmann::json labels = nlohmann::json::array();
  for (const auto& [label, verdict] :
       {std::pair("dog", "right"), std::pair("owl", "right"), std::pair("<cat>", "wrong"),
        std::pair("bird", "missing"), std::pair("cow", "ignored"), std::pair("fox", "absent")})
    labels.push_back(
        {{"label", label}, {"probability", 0.5}, {"overlay", "1.png"}, {"verdict", verdict}});
  const nlohmann::json index = {
      {"images", {{{"image", "packs/test:1.jpg"}, {"picture", "1.png"}, {"labels", labels}}}}};
  write_text(run / "explain" / "explain.json", index.dump());
}

inline void add_fake_explanation(const std::filesystem::path& run,
                                 const std::string& picture = "1.png") {
  write_fake_png(run / "explain" / "1.png");
  write_fake_png(run / "explain" / "1-dog.png");
  const nlohmann::json index = {
      {"images",
       {{{"image", "photos/<dog>.jpg"},
         {"picture", picture},
         {"labels", {{{"label", "dog"}, {"probability", 0.987}, {"overlay", "1-dog.png"}}}}}}}};
  write_text(run / "explain" / "explain.json", index.dump());
}

}  // namespace catamaran
