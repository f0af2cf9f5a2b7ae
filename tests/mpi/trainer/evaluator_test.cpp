// Every image of a pack is scored once, whatever the number of ranks, more ranks than images
// included.
#include "trainer/evaluator.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "comm/self_communicator.h"
#include "made_jpeg.h"
#include "made_pack.h"
#include "mpi_test_environment.h"

namespace catamaran {
namespace {

constexpr int64_t kLabels = 3;

ProcessGroup& group() { return *test_group(); }

// The same pack on every rank, in a folder of its own.
class MadePackOnEachRank {
 public:
  explicit MadePackOnEachRank(int64_t images)
      : folder_(std::filesystem::path(testing::TempDir()) /
                ("evaluator-" + std::to_string(::getpid()))) {
    std::vector<MadeImage> made;
    for (int64_t i = 0; i < images; ++i) {
      const auto shade = static_cast<uint8_t>(20 + 30 * i);
      made.push_back({.id = "image " + std::to_string(i),
                      .jpeg = made_jpeg(40, 32, shade, 128, static_cast<uint8_t>(255 - shade)),
                      .size = {.height = 32, .width = 40},
                      .labels = {static_cast<int8_t>(i % 3 - 1), 1, -1}});
    }
    std::filesystem::remove_all(folder_);
    make_pack(folder_, {"a", "b", "c"}, made, 2);
    pack_ = std::make_unique<PackReader>(folder_);
  }
  MadePackOnEachRank(const MadePackOnEachRank&) = delete;
  MadePackOnEachRank& operator=(const MadePackOnEachRank&) = delete;
  ~MadePackOnEachRank() { std::filesystem::remove_all(folder_); }
  const PackReader& pack() const { return *pack_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<PackReader> pack_;
};

Cat small_cat() {
  CatOptions options;
  options.input.size = 32;
  options.backbone.name = "resnet10_narrow";
  options.attention.dim = 16;
  options.attention.heads = 2;
  options.attention.ffn_dim = 16;
  Cat cat(options, kLabels);
  initialise(*cat, 5);
  return cat;
}

ScoreTable score(const PackReader& pack, CatImpl& cat, ProcessGroup& ranks) {
  EvaluatorOptions options;
  options.input = cat.options().input;
  options.batch = 2;
  return Evaluator(pack, options, ranks, torch::kCPU).score(cat);
}

class EvaluatorOfAPack : public testing::TestWithParam<int64_t> {};

TEST_P(EvaluatorOfAPack, ScoresEveryImageOnceInOrderWithItsLabelsOnRankZero) {
  const int64_t images = GetParam();
  const MadePackOnEachRank made(images);
  Cat cat = small_cat();
  cat->train();
  const ScoreTable table = score(made.pack(), *cat, group());
  EXPECT_TRUE(cat->is_training()) << "the mode is restored";
  EXPECT_EQ(table.classes, made.pack().manifest().classes);
  if (!group().is_root()) {
    EXPECT_TRUE(table.indices.empty());
    EXPECT_TRUE(table.scores.empty());
    return;
  }
  ASSERT_EQ(table.images, images);
  std::vector<int64_t> all(static_cast<size_t>(images));
  std::iota(all.begin(), all.end(), int64_t{0});
  EXPECT_EQ(table.indices, all);
  ASSERT_EQ(std::ssize(table.scores), images * kLabels);

  ProcessGroup alone(0, 1, 0, 1, "alone", DeviceKind::kCpu, 0, 1,
                     std::make_unique<SelfCommunicator>(), std::make_unique<SelfCommunicator>());
  const ScoreTable expected = score(made.pack(), *cat, alone);
  EXPECT_EQ(table.labels, expected.labels);
  for (size_t i = 0; i < table.scores.size(); ++i)
    EXPECT_NEAR(table.scores[i], expected.scores[i], 1e-5) << "score " << i;
  if (images > 1) {
    EXPECT_GT(std::abs(table.scores[0] - table.scores[kLabels]), 1e-4);
  }
}

// A wish of one rank ends the work of all; each rank asks the same questions, whatever its part.
TEST(Evaluator, IsBrokenOffOnEveryRankByTheWishOfTheLastOne) {
  const MadePackOnEachRank made(7);
  Cat cat = small_cat();
  cat->train();
  EvaluatorOptions options;
  options.input = cat->options().input;
  options.batch = 1;
  Evaluator evaluator(made.pack(), options, group(), torch::kCPU);
  const auto mine = [] { return group().rank() == group().world() - 1; };
  EXPECT_FALSE(evaluator.score_unless(mine, *cat).has_value());
  EXPECT_TRUE(cat->is_training()) << "the mode is restored";
  const auto nobodys = [] { return false; };
  const std::optional<ScoreTable> whole = evaluator.score_unless(nobodys, *cat);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(std::ssize(whole->indices), group().is_root() ? 7 : 0);
}

// Counts all-reduces, of a world of one.
class CountingCommunicator : public SelfCommunicator {
 public:
  void start_all_reduce(void*, int64_t, DataType, ReduceOp, void*) override { ++all_reduces_; }
  int64_t all_reduces() const { return all_reduces_; }

 private:
  int64_t all_reduces_ = 0;
};

// A rank that is slower than another in each batch must not make it wait for the sum of that in one
// collective.
TEST(Evaluator, MeetsTheOtherRanksBeforeEachBatchAlsoWithoutAWish) {
  const MadePackOnEachRank made(7);
  Cat cat = small_cat();
  auto counting = std::make_unique<CountingCommunicator>();
  const CountingCommunicator& counted = *counting;
  ProcessGroup alone(0, 1, 0, 1, "alone", DeviceKind::kCpu, 0, 1, std::move(counting),
                     std::make_unique<SelfCommunicator>());
  ASSERT_EQ(score(made.pack(), *cat, alone).images, 7);
  EXPECT_EQ(counted.all_reduces(), 4) << "four batches of two images";
}

INSTANTIATE_TEST_SUITE_P(Sizes, EvaluatorOfAPack, testing::Values(1, 2, 7),
                         [](const auto& info) { return std::to_string(info.param) + "Images"; });

}  // namespace
}  // namespace catamaran
