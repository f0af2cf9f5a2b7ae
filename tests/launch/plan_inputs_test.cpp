#include "launch/plan_inputs.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "support/error.h"

namespace catamaran {
namespace {

using testing::HasSubstr;

class PlanInputs : public testing::Test {
 protected:
  PlanInputs() { std::filesystem::create_directories(folder_); }
  ~PlanInputs() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& text) const {
    const std::filesystem::path file = folder_ / "given.json";
    std::ofstream(file) << text;
    return file;
  }

  template <typename Work>
  std::string problem(Work&& work) const {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      return error.what();
    }
    return "";
  }

 private:
  const testing::TestInfo* info_ = testing::UnitTest::GetInstance()->current_test_info();
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / (std::string("catamaran-plan-") + info_->name());
};

const char* const kStep =
    R"({"images": 4, "forward_seconds": 1, "backward_seconds": 2, "optimizer_seconds": 0.5,
        "spread": 0.01, "gradients": [{"name": "b", "bytes": 8, "seconds": 1.5},
                                      {"name": "a", "bytes": 4, "seconds": 0.5}]})";

TEST_F(PlanInputs, AStepsGradientsComeInTheOrderOfTheirTimes) {
  const MeasuredStep step = read_step(write(kStep));
  EXPECT_EQ(step.images, 4);
  EXPECT_EQ(step.backward_seconds, 2);
  ASSERT_EQ(step.gradients.size(), 2U);
  EXPECT_EQ(step.gradients[0].bytes, 4);
  EXPECT_EQ(step.gradients[1].seconds, 1.5);
}

TEST_F(PlanInputs, AWrongStepIsRefusedByFileAndKey) {
  for (const auto& [from, to, key] : std::vector<std::array<const char*, 3>>{
           {"\"images\": 4", "\"images\": 0", "images"},
           {"\"spread\": 0.01", "\"spread\": -1", "spread"},
           {"\"bytes\": 8", "\"bytes\": -8", "bytes"},
           {"\"backward_seconds\": 2, ", "", "backward_seconds"}}) {
    std::string text = kStep;
    text.replace(text.find(from), std::string(from).size(), to);
    const std::filesystem::path file = write(text);
    const std::string said = problem([&] { (void)read_step(file); });
    EXPECT_THAT(said, HasSubstr(key));
    EXPECT_THAT(said, HasSubstr("given.json"));
  }
}

TEST_F(PlanInputs, AMeasuredNetworkGivesItsOwnTimesBack) {
  Network network;
  network.inside = read_link(
      write(R"({"world": 4, "latency_seconds": 6e-5, "bandwidth_bytes_per_second": 2e9})"));
  EXPECT_NEAR(all_reduce_seconds(network, 100'000'000, 4), 6e-5 + 0.05, 1e-9);
  EXPECT_NEAR(all_reduce_seconds(network, 4, 4), 6e-5, 1e-8);
}

TEST_F(PlanInputs, ANetworkOfOneRankSaysNothing) {
  const std::filesystem::path file =
      write(R"({"world": 1, "latency_seconds": 0, "bandwidth_bytes_per_second": 1})");
  EXPECT_THAT(problem([&] { (void)read_link(file); }), HasSubstr("world"));
}

TEST_F(PlanInputs, ANetworkOfSeveralNodesIsNotTheInsideOfOne) {
  const char* const measured =
      R"({"world": 4, "nodes": 2, "latency_seconds": 1e-5, "bandwidth_bytes_per_second": 1e9})";
  EXPECT_THAT(problem([&] { (void)read_link(write(measured)); }), HasSubstr("--bandwidth-gbits"));
}

ModelCost two_parts() {
  ModelCost cost;
  cost.parts.push_back(
      {.name = "backbone", .parameters = 800, .trained = 800, .macs = 3'000'000'000});
  cost.parts.push_back({.name = "heads", .parameters = 80, .trained = 80, .macs = 1'000'000'000});
  return cost;
}

TEST_F(PlanInputs, APublishedGpuIsScaledByOperations) {
  const PublishedGpu& gpu = published_gpu("v100");
  EXPECT_NEAR(published_seconds(gpu, two_parts(), 10), 10 * 4.0 / (490 * 4.26), 1e-12);
  const std::string said = problem([] { (void)published_gpu("h100"); });
  EXPECT_THAT(said, HasSubstr("h100"));
  EXPECT_THAT(said, HasSubstr("a100"));
}

TEST_F(PlanInputs, AnEstimatedBackwardGoesFromTheLastPartToTheFirst) {
  const MeasuredStep step = estimated_step(two_parts(), 6, 10);
  EXPECT_NEAR(step.forward_seconds, 2, 1e-12);
  EXPECT_NEAR(step.backward_seconds, 4, 1e-12);
  int64_t bytes = 0;
  double before = 0;
  for (const ReadyGradient& gradient : step.gradients) {
    EXPECT_GE(gradient.seconds, before);
    before = gradient.seconds;
    bytes += gradient.bytes;
    if (bytes == 80 * 4) {
      EXPECT_NEAR(gradient.seconds, 1, 1e-12);  // heads: a quarter of the work
    }
  }
  EXPECT_EQ(bytes, 880 * 4);
  EXPECT_NEAR(before, 4, 1e-12);
}

}  // namespace
}  // namespace catamaran
