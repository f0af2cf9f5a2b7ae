#include "comm/all_reduce_bench.h"

#include <gtest/gtest.h>

#include <memory>

namespace catamaran {
namespace {

// Rank 0 of two, where sums never arrive.
class ForgetfulCommunicator : public Communicator {
 public:
  std::string_view backend() const override { return "forgetful"; }
  int rank() const override { return 0; }
  int world() const override { return 2; }
  void start_all_reduce(void*, int64_t, DataType, ReduceOp, void*) override {}
  bool progress() override { return false; }
  void wait_all(void*) override {}
  void broadcast(void*, int64_t, int, void*) override {}
};

TEST(AllReduceBench, CountsElementsThatAreWrong) {
  ProcessGroup group(0, 2, 0, 2, "this-host", DeviceKind::kCpu, 0, 1,
                     std::make_unique<ForgetfulCommunicator>(),
                     std::make_unique<ForgetfulCommunicator>());
  const AllReduceBench bench = bench_all_reduce(group, {.bytes = {4000, 40}, .rounds = 1});
  ASSERT_EQ(bench.rows.size(), 2U);
  EXPECT_EQ(bench.rows[0].wrong, 999) << "the other rank has one 0 in 1000";
  EXPECT_EQ(bench.rows[1].bytes, 40);
  EXPECT_GT(bench.rows[1].wrong, 0);
}

TEST(AllReduceFit, FindsLatencyAndBandwidthThatMadeTheTimes) {
  std::vector<AllReduceRow> rows;
  for (int64_t bytes = 4096; bytes <= 256 << 20; bytes *= 4)
    rows.push_back({bytes, 20e-6 + static_cast<double>(bytes) / 5e9, 0});
  const AllReduceFit fit = fit_all_reduce(rows);
  EXPECT_NEAR(fit.latency_seconds, 20e-6, 1e-9);
  EXPECT_NEAR(fit.bandwidth_bytes_per_second, 5e9, 1e5);
}

TEST(AllReduceFit, SmallSizesCountAsMuchAsLargeOnes) {
  // The largest is a third off: latency stays that of the small ones.
  const std::vector<AllReduceRow> rows = {
      {4096, 20.8e-6, 0}, {16384, 23.3e-6, 0}, {65536, 33.1e-6, 0}, {100 << 20, 27e-3, 0}};
  EXPECT_NEAR(fit_all_reduce(rows).latency_seconds, 20e-6, 2e-6);
}

TEST(AllReduceFit, IsNeverBelowZeroAndNothingWithoutTwoSizes) {
  const AllReduceFit fit =
      fit_all_reduce(std::vector<AllReduceRow>{{1000, 1e-6, 0}, {2000, 3e-6, 0}});
  EXPECT_EQ(fit.latency_seconds, 0);
  EXPECT_GT(fit.bandwidth_bytes_per_second, 0);
  for (const std::vector<AllReduceRow>& rows :
       {std::vector<AllReduceRow>{}, std::vector<AllReduceRow>{{1000, 1e-6, 0}},
        std::vector<AllReduceRow>{{1000, 1e-6, 0}, {1000, 2e-6, 0}}}) {
    EXPECT_EQ(fit_all_reduce(rows).bandwidth_bytes_per_second, 0);
    EXPECT_EQ(fit_all_reduce(rows).latency_seconds, 0);
  }
}

TEST(AllReduceRow, HasTheBandwidthsOfNcclTests) {
  const AllReduceRow row{1 << 20, 1e-3, 0};
  EXPECT_EQ(row.count(), 1 << 18);
  EXPECT_DOUBLE_EQ(row.algorithm_bandwidth(), 1048576e3);
  EXPECT_DOUBLE_EQ(row.bus_bandwidth(4), 1048576e3 * 1.5);
  EXPECT_DOUBLE_EQ(row.bus_bandwidth(1), 0);
}

}  // namespace
}  // namespace catamaran
