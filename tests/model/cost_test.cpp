// Costs against PyTorch's own counters on an independent model (tests/golden/model_cost.py),
// against the sizes published for the paper's rows, and the growth that the paper claims for PMA.
#include "model/cost.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "golden.h"
#include "model/op_observer.h"
#include "support/json.h"

namespace catamaran {
namespace {

constexpr double kMebibyte = 1 << 20;

struct Row {
  const char* name;
  double gmac;        // measured elsewhere with an independent PyTorch model at 448 px; 0: not
  double parameters;  // 10^6
  double mebibytes;   // saved activations of an image, fp32; 0: not measured
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class CostOfARow : public testing::TestWithParam<Row> {};

TEST_P(CostOfARow, EqualsPyTorchsCountersAndThePublishedSizes) {
  const Row row = GetParam();
  const auto file = golden_folder() / "costs.json";
  const nlohmann::json golden = read_json_file(file, ErrorKind::kData).at(row.name);
  const CatOptions options = cat_options_from_json(golden.at("options").dump(), file.string());
  const PartCost total = measure_cost(options, 80, AttentionKernel::kMaterialised).total();
  EXPECT_EQ(total.parameters, golden.at("parameters").get<int64_t>());
  EXPECT_EQ(total.trained, total.parameters - (options.fpn.enabled ? 0 : 1));  // a lone alpha rests
  const double macs = golden.at("macs").get<double>();
  EXPECT_NEAR(static_cast<double>(total.macs), macs, 0.002 * macs);
  const double saved = golden.at("saved_bytes").get<double>();
  EXPECT_NEAR(static_cast<double>(total.saved_bytes), saved, 0.01 * saved);
  if (row.gmac > 0) {
    EXPECT_NEAR(static_cast<double>(total.macs) * 1e-9, row.gmac, 0.01 * row.gmac);
    EXPECT_NEAR(static_cast<double>(total.parameters) * 1e-6, row.parameters, 0.02);
  }
  if (row.mebibytes > 0) {
    EXPECT_NEAR(static_cast<double>(total.saved_bytes) / kMebibyte, row.mebibytes,
                0.1 * row.mebibytes);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cost, CostOfARow,
    testing::Values(Row{"cat", 29.6, 39.11, 473}, Row{"cat-no-lrd", 28.9, 35.96, 0},
                    Row{"cat-no-pma", 32.2, 39.11, 0}, Row{"cat-no-clf", 28.4, 32.81, 0},
                    Row{"backbone-fpn", 27.8, 29.66, 0}, Row{"backbone", 17.0, 23.14, 430},
                    Row{"cat-upsampled", 39.7, 39.11, 0},
                    Row{"cat-no-pma-upsampled", 51.5, 39.11, 0},
                    Row{"cat-conv-then-upsample", 0, 0, 0}, Row{"cat-deconv-288-grid", 0, 0, 0}),
    [](const testing::TestParamInfo<Row>& row) {
      std::string name = row.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

CatOptions small_options() {
  CatOptions options;
  options.input.size = 128;
  options.backbone.name = "resnet10_narrow";
  options.attention.dim = 32;
  options.attention.heads = 4;
  options.attention.ffn_dim = 64;
  return options;
}

const PartCost& part(const ModelCost& cost, const std::string& name) {
  for (const PartCost& each : cost.parts) {
    if (each.name == name) return each;
  }
  throw std::out_of_range(name);
}

TEST(Cost, TheFusedKernelDoesTheSameWorkAndKeepsNoMatrix) {
  CatOptions options = small_options();
  options.attention.dropout = 0;
  const ModelCost materialised = measure_cost(options, 5, AttentionKernel::kMaterialised);
  const ModelCost fused = measure_cost(options, 5, AttentionKernel::kFused);
  EXPECT_EQ(materialised.total().macs, fused.total().macs);
  EXPECT_EQ(materialised.total().parameters, fused.total().parameters);
  for (const char* name : {"lrd", "cla4", "cla3"}) {
    const PartCost& m = part(materialised, name);
    const PartCost& f = part(fused, name);
    EXPECT_EQ(m.queries, 64) << name;  // 128 px, stride 16
    EXPECT_EQ(m.keys, 64) << name;
    const int64_t matrix = 4 * 64 * 64 * 4;      // heads, queries, keys, bytes
    const int64_t of_fused = 64 * 4 * (4 + 32);  // its logarithms and, if it is a copy, output
    EXPECT_GE(m.saved_bytes - f.saved_bytes, matrix - of_fused) << name;
  }
  for (const char* name : {"backbone", "fpn", "heads"})
    EXPECT_EQ(part(materialised, name).saved_bytes, part(fused, name).saved_bytes) << name;
}

TEST(Cost, ADropoutMaskCountsOneByteAValueAndHalfPrecisionLeavesTheMatrixInFull) {
  CatOptions options = small_options();
  options.attention.dropout = 0;
  const ModelCost without = measure_cost(options, 5, AttentionKernel::kMaterialised);
  options.attention.dropout = 0.1;
  const ModelCost with = measure_cost(options, 5, AttentionKernel::kMaterialised);
  const int64_t matrix_values = 4 * 64 * 64;
  const int64_t inner_values = 64 * options.attention.ffn_dim;
  // The attention's mask and its dropped matrix besides the softmax; the feed-forward's mask.
  const int64_t more = part(with, "lrd").saved_bytes - part(without, "lrd").saved_bytes;
  EXPECT_EQ(more, matrix_values * (1 + 4) + inner_values);
  const PartCost lrd = part(with, "lrd");
  EXPECT_LT(lrd.reduced_bytes, lrd.saved_bytes);
  EXPECT_GT(lrd.reduced_bytes, 2 * 4 * matrix_values);  // softmax and dropped, both in fp32
  const PartCost backbone = part(with, "backbone");
  EXPECT_NEAR(static_cast<double>(backbone.reduced_bytes),
              static_cast<double>(backbone.saved_bytes) / 2, 4096);
}

TEST(Cost, PartsAreThoseOfTheModelAndPicturesOfAllSizesAreMeasured) {
  CatOptions options = small_options();
  options.input.size = 32;
  std::vector<std::string> names;
  for (const PartCost& each : measure_cost(options, 5, AttentionKernel::kFused).parts)
    names.push_back(each.name);
  EXPECT_EQ(names, (std::vector<std::string>{"backbone", "fpn", "lrd", "cla4", "cla3", "heads"}));
  options.fpn.enabled = options.lrd_enabled = options.cla.enabled = false;
  const ModelCost backbone = measure_cost(options, 5, AttentionKernel::kFused);
  ASSERT_EQ(backbone.parts.size(), 2u);
  EXPECT_EQ(part(backbone, "heads").parameters, 128 * 5 + 5 + 1);
}

TEST(Cost, LeavesLibTorchsChoiceOfKernelAsItWas) {
  for (const bool flash : {false, true}) {
    at::globalContext().setSDPUseFlash(flash);
    measure_cost(small_options(), 5, AttentionKernel::kFused);
    EXPECT_EQ(at::globalContext().userEnabledFlashSDP(), flash);
    EXPECT_TRUE(at::globalContext().userEnabledMathSDP());
  }
}

TEST(OpObserver, CountsWhatIsStillAliveAndNotWhatWasThereBefore) {
  const torch::Tensor weight = torch::ones({8, 4}).requires_grad_();
  torch::Tensor kept;
  OpObserver observer("first", {weight});
  {
    const torch::Tensor gone = torch::ones({100});
    kept = torch::mm(torch::ones({16, 8}), weight);
  }
  ASSERT_EQ(observer.parts().size(), 1u);
  EXPECT_EQ(observer.parts()[0].macs, 16 * 8 * 4);
  EXPECT_EQ(observer.parts()[0].saved_bytes,
            4 * (16 * 8 + 16 * 4));  // the graph's input, the result
  kept = torch::Tensor();
  EXPECT_EQ(observer.parts()[0].saved_bytes, 0);
}

// Measured values of one cross-layer block under lower levels of area 1, 2 and 4.
struct Growth {
  explicit Growth(const ClaOptions& cla, AttentionKernel kernel) {
    AttentionOptions attention;
    attention.dim = 32;
    attention.heads = 4;
    attention.ffn_dim = 64;
    attention.dropout = 0;
    cost[0] = measure_cross_layer(attention, cla, {8, 8, 8}, kernel);
    cost[1] = measure_cross_layer(attention, cla, {8, 16, 8}, kernel);
    cost[2] = measure_cross_layer(attention, cla, {8, 16, 16}, kernel);
  }
  // c of a + b area + c area^2, in units of the first area squared; 0: linear.
  int64_t curvature(int64_t PartCost::*value) const {
    return (cost[2].*value - 3 * (cost[1].*value) + 2 * (cost[0].*value)) / 6;
  }
  int64_t slope(int64_t PartCost::*value) const {
    return cost[1].*value - cost[0].*value - 3 * curvature(value);
  }
  std::array<PartCost, 3> cost;
};

ClaOptions cla(bool pma, const std::string& query, int64_t grid = 0) {
  ClaOptions options;
  options.pma = pma;
  options.query = query;
  options.kv_grid = grid;
  return options;
}

TEST(Cost, OfPmaGrowsLinearlyWithTheLowerLevelsAreaAndWithoutItQuadratically) {
  constexpr int64_t kArea = 64;
  constexpr int64_t kDim = 32;
  constexpr int64_t kHeads = 4;
  for (const AttentionKernel kernel : {AttentionKernel::kMaterialised, AttentionKernel::kFused}) {
    const bool fused = kernel == AttentionKernel::kFused;
    SCOPED_TRACE(fused ? "fused" : "materialised");
    const Growth pma(cla(true, "upper"), kernel);
    const Growth none(cla(false, "upper"), kernel);
    const Growth grid_upsampled(cla(true, "upsampled", 4), kernel);
    const Growth none_upsampled(cla(false, "upsampled"), kernel);
    for (const Growth* linear : {&pma, &none, &grid_upsampled}) {
      EXPECT_EQ(linear->curvature(&PartCost::macs), 0);
      EXPECT_EQ(linear->curvature(&PartCost::saved_bytes), 0);
      EXPECT_EQ(linear->curvature(&PartCost::keys), 0);
      EXPECT_GT(linear->slope(&PartCost::macs), 0);
    }
    EXPECT_EQ(pma.cost[0].keys, kArea / 4);
    EXPECT_EQ(pma.cost[2].keys, kArea);
    EXPECT_EQ(none.cost[2].keys, 4 * kArea);
    EXPECT_EQ(grid_upsampled.cost[2].keys, 16);
    EXPECT_EQ(none_upsampled.cost[2].queries, 4 * kArea);
    // Pooling by 2 makes it a quarter: keys, their projections and the attention.
    EXPECT_EQ(4 * pma.slope(&PartCost::macs), none.slope(&PartCost::macs));
    EXPECT_EQ(none_upsampled.curvature(&PartCost::macs), 2 * kArea * kArea * kDim);
    const int64_t matrix = kHeads * kArea * kArea * 4;
    if (fused) {
      EXPECT_EQ(none_upsampled.curvature(&PartCost::saved_bytes), 0);
    } else {
      EXPECT_GE(none_upsampled.curvature(&PartCost::saved_bytes), matrix);
    }
  }
}

}  // namespace
}  // namespace catamaran
