// Collectives over MPI on 1 to 4 ranks: exact sums, identical bits everywhere, order, uneven
// gathers, time-outs.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

#include "comm/agreement.h"
#include "comm/mpi_communicator.h"
#include "mpi_test_environment.h"
#include "support/error.h"
#include "support/hash.h"

namespace catamaran {
namespace {

ProcessGroup& group() { return *test_group(); }

TEST(Communicator, SumsExactlyForEverySize) {
  const int world = group().world();
  for (const int64_t count : {0, 1, 3, 1000, (1 << 18) + 1, 5 << 20}) {
    std::vector<float> data(static_cast<size_t>(count));
    // Small integers: every order of addition gives the same sum.
    for (size_t i = 0; i < data.size(); ++i)
      data[i] = static_cast<float>((i * 7 + static_cast<size_t>(group().rank()) * 3) % 1000);
    group().gradients().all_reduce(data.data(), count, DataType::kFloat32, ReduceOp::kSum);
    for (size_t i = 0; i < data.size(); ++i) {
      float expected = 0;
      for (int r = 0; r < world; ++r)
        expected += static_cast<float>((i * 7 + static_cast<size_t>(r) * 3) % 1000);
      ASSERT_EQ(data[i], expected) << "element " << i << " of " << count;
    }
  }
}

TEST(Communicator, GivesTheSameBitsOnEveryRankForAnyFloats) {
  for (const int64_t count : {7, 1001, 300'000}) {
    std::mt19937 random(static_cast<unsigned>(group().rank() + 1));
    std::normal_distribution<float> normal;
    std::vector<float> data(static_cast<size_t>(count));
    for (float& value : data) value = normal(random);
    group().gradients().all_reduce(data.data(), count, DataType::kFloat32, ReduceOp::kSum);
    const uint64_t mine = xxh3(data.data(), data.size() * sizeof(float));
    uint64_t lowest = mine;
    uint64_t highest = mine;
    group().host().all_reduce(&lowest, 1, DataType::kUint64, ReduceOp::kMin);
    group().host().all_reduce(&highest, 1, DataType::kUint64, ReduceOp::kMax);
    EXPECT_EQ(lowest, highest);
  }
}

TEST(Communicator, KeepsSeveralOperationsInOrderWhileTheyOverlap) {
  std::vector<std::vector<double>> buckets;
  for (int b = 0; b < 5; ++b) buckets.emplace_back(10'000, b + group().rank());
  for (auto& bucket : buckets) {
    group().gradients().start_all_reduce(bucket.data(), 10'000, DataType::kFloat64, ReduceOp::kSum,
                                         nullptr);
    group().gradients().progress();
  }
  group().gradients().wait_all(nullptr);
  const int world = group().world();
  for (int b = 0; b < 5; ++b)
    EXPECT_EQ(buckets[static_cast<size_t>(b)][9'999], b * world + world * (world - 1) / 2.0);
}

TEST(Communicator, TakesMinimumAndMaximum) {
  int64_t lowest = 10 - group().rank();
  int64_t highest = group().rank();
  group().host().all_reduce(&lowest, 1, DataType::kInt64, ReduceOp::kMin);
  group().host().all_reduce(&highest, 1, DataType::kInt64, ReduceOp::kMax);
  EXPECT_EQ(lowest, 10 - (group().world() - 1));
  EXPECT_EQ(highest, group().world() - 1);
}

TEST(ProcessGroup, BroadcastsAndGathersTextsOfAnyLength) {
  const int last = group().world() - 1;
  EXPECT_EQ(group().broadcast_text("from " + std::to_string(group().rank()), last),
            "from " + std::to_string(last));
  EXPECT_EQ(group().broadcast_text(""), "");
  const std::vector<std::string> all =
      group().all_gather(std::string(static_cast<size_t>(group().rank()) * 1000, 'x'));
  ASSERT_EQ(static_cast<int>(all.size()), group().world());
  for (size_t r = 0; r < all.size(); ++r) EXPECT_EQ(all[r].size(), r * 1000);
}

TEST(Agreement, NamesTheRanksThatDifferOnEveryRank) {
  require_same_everywhere(group(), "the test", "same");
  if (group().world() == 1) return;
  const std::string mine = group().rank() == group().world() - 1 ? "other" : "same";
  try {
    require_same_everywhere(group(), "the test", mine);
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_NE(std::string(problem.what()).find("rank " + std::to_string(group().world() - 1)),
              std::string::npos)
        << problem.what();
  }
}

TEST(Agreement, OfProgramsTellsTheRanksOfEachAndWhatItIs) {
  require_same_program(group(), "catamaran 1.0 (abc), LibTorch 2.15");
  if (group().world() == 1) return;
  const bool odd = group().rank() + 1 == group().world();
  try {
    require_same_program(group(), odd ? "catamaran 1.1 (def)" : "catamaran 1.0 (abc)");
    FAIL() << "it was accepted";
  } catch (const UsageError& problem) {
    const std::string text = problem.what();
    EXPECT_NE(text.find("rank 0"), std::string::npos) << text;
    EXPECT_NE(text.find(" (catamaran 1.0 (abc)), rank " + std::to_string(group().world() - 1) +
                        " (catamaran 1.1 (def))"),
              std::string::npos)
        << text;
  }
}

TEST(MpiCommunicator, ASilentPeerIsAnErrorThatNamesTheOperation) {
  if (group().world() == 1) return;
  MpiCommunicator impatient(MPI_COMM_WORLD, "this-host", 0.5);
  float value = 1;
  if (group().rank() == 0) {
    std::this_thread::sleep_for(std::chrono::seconds(2));  // the late rank
    impatient.start_all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum, nullptr);
    impatient.wait_all(nullptr);
  } else {
    try {
      impatient.all_reduce(&value, 1, DataType::kFloat32, ReduceOp::kSum);
      ADD_FAILURE() << "the late rank was not noticed";
    } catch (const CommError& problem) {
      EXPECT_NE(std::string(problem.what()).find("all-reduce of 4 bytes, number 0"),
                std::string::npos)
          << problem.what();
      EXPECT_NE(std::string(problem.what())
                    .find("rank " + std::to_string(group().rank()) + " on this-host"),
                std::string::npos);
    }
    for (int i = 0; i < 3000; ++i) {  // MPI itself must see the operation through
      impatient.progress();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  group().barrier();
}

}  // namespace
}  // namespace catamaran
