// The exchange of one node, with threads in place of ranks: so it runs under the thread sanitizer.
#include "comm/node_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <thread>

#include "support/error.h"

namespace catamaran {
namespace {

// Memory that several ranks see, and a rank's end of the exchange for each.
class Node {
 public:
  explicit Node(int world)
      : world_(world), control_(make_host_memory(NodeExchange::control_bytes(world))) {
    const NodeRegion staging = region(NodeExchange::kStagingBytes);
    for (int r = 0; r < world; ++r) {
      ends_.push_back(std::make_unique<NodeExchange>("rank " + std::to_string(r) + " on this-host",
                                                     r, world, control_->data(), staging.parts));
    }
  }

  NodeRegion region(int64_t bytes) {
    NodeRegion made;
    made.bytes = bytes;
    for (int r = 0; r < world_; ++r) {
      memory_.push_back(make_host_memory(bytes));
      made.parts.push_back(static_cast<char*>(memory_.back()->data()));
    }
    return made;
  }
  NodeExchange& end(int rank) { return *ends_[static_cast<size_t>(rank)]; }

  // The same on a thread for each rank.
  void on_all_ranks(const std::function<void(int, NodeExchange&)>& work) {
    std::vector<std::jthread> threads;
    for (int r = 0; r < world_; ++r) threads.emplace_back([&, r] { work(r, end(r)); });
  }

 private:
  int world_;
  std::unique_ptr<ExchangeMemory> control_;
  std::vector<std::unique_ptr<ExchangeMemory>> memory_;
  std::vector<std::unique_ptr<NodeExchange>> ends_;
};

void wait(NodeExchange& end) {
  while (!end.idle()) {
    if (!end.progress()) std::this_thread::yield();
  }
}

float value(int64_t i, int rank) { return static_cast<float>((i * 7 + rank * 3) % 1000); }
float sum(int64_t i, int world) {
  float total = 0;
  for (int r = 0; r < world; ++r) total += value(i, r);
  return total;
}

class NodeExchangeOf : public testing::TestWithParam<int> {
 protected:
  int world() const { return GetParam(); }
};

TEST_P(NodeExchangeOf, SumsRangesOfItsMemoryWhereTheyLie) {
  constexpr int64_t kCount = 100'003;  // several blocks and a part of one
  Node node(world());
  const NodeRegion region = node.region(kCount * 4 + 4096);
  node.on_all_ranks([&](int rank, NodeExchange& end) {
    const auto kept = end.add_region(region);
    auto* const data = reinterpret_cast<float*>(region.parts[static_cast<size_t>(rank)] + 1028);
    for (int round = 0; round < 3; ++round) {
      for (int64_t i = 0; i < kCount; ++i) data[i] = value(i + round, rank);
      end.start(data, kCount, DataType::kFloat32, ReduceOp::kSum);
      wait(end);
      for (int64_t i = 0; i < kCount; ++i) ASSERT_EQ(data[i], sum(i + round, world()));
    }
  });
}

TEST_P(NodeExchangeOf, SumsAnyOtherMemoryThroughTheStagingArea) {
  Node node(world());
  node.on_all_ranks([&](int rank, NodeExchange& end) {
    for (const int64_t count : {0, 1, 7, 70'001, 1'000'003}) {
      std::vector<float> data(static_cast<size_t>(count));
      for (int64_t i = 0; i < count; ++i) data[static_cast<size_t>(i)] = value(i, rank);
      end.start(data.data(), count, DataType::kFloat32, ReduceOp::kSum);
      wait(end);
      for (int64_t i = 0; i < count; ++i)
        ASSERT_EQ(data[static_cast<size_t>(i)], sum(i, world())) << i << " of " << count;
    }
  });
}

TEST_P(NodeExchangeOf, HasManyOperationsUnderWayWhateverTheRanksTiming) {
  constexpr int64_t kBuckets = 200;  // more than may be announced
  constexpr int64_t kCount = 1001;
  Node node(world());
  const NodeRegion region = node.region(kBuckets * kCount * 4);
  node.on_all_ranks([&](int rank, NodeExchange& end) {
    const auto kept = end.add_region(region);
    auto* const arena = reinterpret_cast<float*>(region.parts[static_cast<size_t>(rank)]);
    std::mt19937 random(static_cast<unsigned>(rank));
    for (int round = 0; round < 2; ++round) {
      std::vector<int64_t> small(kBuckets);
      for (int64_t i = 0; i < kBuckets * kCount; ++i) arena[i] = value(i, rank);
      for (int64_t b = 0; b < kBuckets; ++b) {
        small[static_cast<size_t>(b)] = b + rank;
        end.start(arena + b * kCount, kCount, DataType::kFloat32, ReduceOp::kSum);
        end.start(&small[static_cast<size_t>(b)], 1, DataType::kInt64, ReduceOp::kMax);
        if (random() % 4 == 0) end.progress();
        if (random() % 16 == 0) std::this_thread::yield();
      }
      wait(end);
      for (int64_t i = 0; i < kBuckets * kCount; ++i) ASSERT_EQ(arena[i], sum(i, world())) << i;
      for (int64_t b = 0; b < kBuckets; ++b)
        ASSERT_EQ(small[static_cast<size_t>(b)], b + world() - 1);
      EXPECT_EQ(end.take_finished().size(), 2U * kBuckets);
    }
  });
}

TEST_P(NodeExchangeOf, OneRankDoesTheWorkOfThoseThatCompute) {
  constexpr int64_t kCount = 200'000;
  Node node(world());
  const NodeRegion region = node.region(kCount * 4);
  std::vector<std::shared_ptr<const NodeRegion>> kept;
  for (int r = 0; r < world(); ++r) {
    kept.push_back(node.end(r).add_region(region));
    auto* const data = reinterpret_cast<float*>(region.parts[static_cast<size_t>(r)]);
    for (int64_t i = 0; i < kCount; ++i) data[i] = value(i, r);
    node.end(r).start(data, kCount, DataType::kFloat32, ReduceOp::kSum);
  }
  while (!node.end(0).idle()) ASSERT_TRUE(node.end(0).progress()) << "it waits for nobody";
  const auto* const last =
      reinterpret_cast<const float*>(region.parts[static_cast<size_t>(world() - 1)]);
  for (int64_t i = 0; i < kCount; ++i) ASSERT_EQ(last[i], sum(i, world()));
  for (int r = 1; r < world(); ++r) wait(node.end(r));
}

INSTANTIATE_TEST_SUITE_P(Ranks, NodeExchangeOf, testing::Values(2, 3, 4));

TEST(NodeExchange, WaitsForARankThatHasNotStarted) {
  Node node(2);
  float one = 1;
  float two = 2;
  node.end(0).start(&one, 1, DataType::kFloat32, ReduceOp::kSum);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(node.end(0).progress());
  EXPECT_EQ(node.end(0).oldest(), "all-reduce of 4 bytes, number 0 of this rank (0 finished)");
  node.end(1).start(&two, 1, DataType::kFloat32, ReduceOp::kSum);
  wait(node.end(0));
  wait(node.end(1));
  EXPECT_EQ(one, 3);
  EXPECT_EQ(two, 3);
}

TEST(NodeExchange, RefusesDifferentOperationsOnEveryRank) {
  Node node(2);
  std::vector<float> data(8);
  node.end(0).start(data.data(), 8, DataType::kFloat32, ReduceOp::kSum);
  node.end(1).start(data.data(), 7, DataType::kFloat32, ReduceOp::kSum);
  for (int r = 0; r < 2; ++r) {
    try {
      node.end(r).progress();
      ADD_FAILURE() << "rank " << r << " has not noticed";
    } catch (const CommError& problem) {
      EXPECT_THAT(problem.what(),
                  testing::HasSubstr("rank " + std::to_string(r) + " on this-host"));
      EXPECT_THAT(problem.what(), testing::HasSubstr("different all-reduces: rank " +
                                                     std::to_string(1 - r) + " has"));
    }
  }
}

}  // namespace
}  // namespace catamaran
