// A temporary folder with a base configuration, sweep files beside it, and a training pack that has
// a manifest alone.
//
//   class SweepPlanTest : public SweepFolder {};
//   TEST_F(SweepPlanTest, ...) { const SweepPlan plan = this->plan("[axes.grid]\n..."); }
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "dataio/pack.h"
#include "launch/sweep_plan.h"
#include "support/error.h"

namespace catamaran {

class SweepFolder : public testing::Test {
 protected:
  SweepFolder()
      : folder_(std::filesystem::path(testing::TempDir()) /
                ("sweep-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    write("base.toml", "[data]\ntrain = \"" + (folder_ / "pack").string() + "\"\neval = \"" +
                           (folder_ / "test").string() +
                           "\"\n[batch]\nglobal = 32\nper_device = 16\n[schedule]\nname = "
                           "\"cosine\"\nepochs = 10\n");
  }
  ~SweepFolder() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << content;
    return folder_ / name;
  }

  // A file of two lines, and what follows from the third on.
  std::filesystem::path sweep(const std::string& rest, const std::string& name = "s.toml") const {
    return write(name,
                 "config = \"base.toml\"\nout = \"" + (folder_ / "out").string() + "\"\n" + rest);
  }
  SweepPlan plan(const std::string& rest, const std::vector<std::string>& overrides = {}) const {
    return read_sweep_plan(sweep(rest), overrides);
  }

  void make_pack(int64_t images) const {
    PackManifest manifest;
    manifest.data_set = "made";
    manifest.split = "train";
    manifest.classes = {"a", "b"};
    manifest.positives = {1, 1};
    manifest.ignored = {0, 0};
    manifest.images = images;
    manifest.shards = {{.file = "shard-00000.h5", .bytes = 1, .images = images, .sha256 = ""}};
    write("pack/pack.json", pack_manifest_json(manifest));
  }

  static std::string refusal(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& problem) {
      EXPECT_EQ(problem.kind(), ErrorKind::kUsage);
      return problem.what();
    }
    return "accepted";
  }
  std::string refusal_of(const std::string& rest,
                         const std::vector<std::string>& overrides = {}) const {
    return refusal([&] { (void)plan(rest, overrides); });
  }

  static std::vector<std::string> texts(const SweepPlan& plan) {
    std::vector<std::string> all;
    for (const SweepPoint& point : plan.points) all.push_back(values_text(point));
    return all;
  }
  static std::set<std::string> ids(const SweepPlan& plan) {
    std::set<std::string> all;
    for (const SweepPoint& point : plan.points) all.insert(point.id);
    return all;
  }

  std::filesystem::path folder_;
};

}  // namespace catamaran
