// What every communicator of host memory must do, on 1 to 4 ranks: plain MPI, the node's memory,
// and both with a thread of their own.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <optional>
#include <random>
#include <thread>

#include "comm/background_communicator.h"
#include "comm/half_floats.h"
#include "comm/mpi_communicator.h"
#include "comm/node_communicator.h"
#include "mpi_test_environment.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/hash.h"

namespace catamaran {
namespace {

ProcessGroup& group() { return *test_group(); }
int rank() { return group().rank(); }
int world() { return group().world(); }

std::unique_ptr<Communicator> make(const std::string& kind, double timeout_seconds = 30) {
  std::unique_ptr<Communicator> made;
  if (kind.starts_with("node")) {
    made = std::make_unique<NodeCommunicator>(MPI_COMM_WORLD, "this-host", timeout_seconds);
  } else {
    made = std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, "this-host", timeout_seconds);
  }
  if (kind.ends_with("thread")) made = std::make_unique<BackgroundCommunicator>(std::move(made));
  return made;
}

float value(int64_t i, int of_rank) { return static_cast<float>((i * 7 + of_rank * 3) % 1000); }
float sum(int64_t i) {
  float total = 0;
  for (int r = 0; r < world(); ++r) total += value(i, r);
  return total;
}

class AnyCommunicator : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Communicator> comm_ = make(GetParam());
};

TEST_P(AnyCommunicator, SumsExactlyInItsOwnMemoryAndInAnyOther) {
  constexpr int64_t kMost = (1 << 20) + 77;
  const auto memory = comm_->allocate(kMost * 4);
  std::vector<float> other(kMost);
  for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{3}, int64_t{1001}, kMost - 13}) {
    for (float* const data : {static_cast<float*>(memory->data()) + 13, other.data()}) {
      for (int64_t i = 0; i < count; ++i) data[i] = value(i, rank());
      comm_->all_reduce(data, count, DataType::kFloat32, ReduceOp::kSum);
      for (int64_t i = 0; i < count; ++i) ASSERT_EQ(data[i], sum(i)) << i << " of " << count;
    }
  }
}

template <typename Half>
void check_halves(Communicator& comm, DataType type) {
  constexpr int64_t kCount = 100'003;
  const auto memory = comm.allocate(kCount * 2);
  auto* const data = static_cast<uint16_t*>(memory->data());
  for (int64_t i = 0; i < kCount; ++i)
    data[i] = Half::from_float(static_cast<float>((i + rank()) % 50));
  comm.all_reduce(data, kCount, type, ReduceOp::kSum);
  for (int64_t i = 0; i < kCount; ++i) {
    float expected = 0;
    for (int r = 0; r < world(); ++r) expected += static_cast<float>((i + r) % 50);
    ASSERT_EQ(Half::to_float(data[i]), expected) << i;
  }
}

TEST_P(AnyCommunicator, SumsSixteenBitFloats) {
  check_halves<BFloat16>(*comm_, DataType::kBFloat16);
  check_halves<Float16>(*comm_, DataType::kFloat16);
}

TEST_P(AnyCommunicator, KeepsManyOperationsApartThatAreUnderWayTogether) {
  constexpr int64_t kBuckets = 150;
  constexpr int64_t kCount = 4'001;
  const auto memory = comm_->allocate(kBuckets * kCount * 4);
  auto* const arena = static_cast<float*>(memory->data());
  std::vector<int64_t> small(kBuckets);
  for (int round = 0; round < 3; ++round) {
    for (int64_t i = 0; i < kBuckets * kCount; ++i) arena[i] = value(i + round, rank());
    for (int64_t b = 0; b < kBuckets; ++b) {
      small[static_cast<size_t>(b)] = b - rank();
      comm_->start_all_reduce(arena + b * kCount, kCount, DataType::kFloat32, ReduceOp::kSum,
                              nullptr);
      comm_->start_all_reduce(&small[static_cast<size_t>(b)], 1, DataType::kInt64, ReduceOp::kMin,
                              nullptr);
      comm_->progress();
    }
    comm_->wait_all(nullptr);
    EXPECT_TRUE(comm_->idle());
    for (int64_t i = 0; i < kBuckets * kCount; ++i) ASSERT_EQ(arena[i], sum(i + round)) << i;
    for (int64_t b = 0; b < kBuckets; ++b)
      ASSERT_EQ(small[static_cast<size_t>(b)], b - (world() - 1));
    EXPECT_EQ(comm_->take_finished().size(), 2U * kBuckets);
  }
}

TEST_P(AnyCommunicator, GivesTheSameBitsOnEveryRankForAnyFloats) {
  constexpr int64_t kCount = 300'001;
  const auto memory = comm_->allocate(kCount * 4);
  auto* const data = static_cast<float*>(memory->data());
  std::mt19937 random(static_cast<unsigned>(rank() + 1));
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < kCount; ++i) data[i] = normal(random);
  comm_->all_reduce(data, kCount, DataType::kFloat32, ReduceOp::kSum);
  uint64_t lowest = xxh3(data, kCount * 4);
  uint64_t highest = lowest;
  group().host().all_reduce(&lowest, 1, DataType::kUint64, ReduceOp::kMin);
  group().host().all_reduce(&highest, 1, DataType::kUint64, ReduceOp::kMax);
  EXPECT_EQ(lowest, highest);
}

TEST_P(AnyCommunicator, BroadcastsBetweenItsSums) {
  const int last = world() - 1;
  for (int round = 0; round < 3; ++round) {
    float one = 1;
    comm_->all_reduce(&one, 1, DataType::kFloat32, ReduceOp::kSum);
    EXPECT_EQ(one, static_cast<float>(world()));
    std::string text = "from " + std::to_string(rank());
    comm_->broadcast(text.data(), static_cast<int64_t>(text.size()), last, nullptr);
    EXPECT_EQ(text, "from " + std::to_string(last));
  }
}

TEST_P(AnyCommunicator, MemoryIsZeroAlignedAndGoesAway) {
  for (int round = 0; round < 20; ++round) {
    const auto memory = comm_->allocate(100'001);
    EXPECT_EQ(memory->bytes(), 100'001);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % 64, 0U);
    auto* const bytes = static_cast<uint8_t*>(memory->data());
    for (int64_t i = 0; i < 100'001; ++i) ASSERT_EQ(bytes[i], 0);
    bytes[100'000] = 1;
    comm_->all_reduce(bytes, 100'001, DataType::kUint8, ReduceOp::kSum);
    EXPECT_EQ(bytes[100'000], world());
  }
  EXPECT_EQ(comm_->allocate(0)->bytes(), 0);
}

TEST_P(AnyCommunicator, ASilentPeerIsAnErrorThatNamesTheOperation) {
  if (world() == 1) return;
  const auto impatient = make(GetParam(), 0.5);
  std::vector<float> values(4, 1);
  if (rank() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // the late rank
    impatient->start_all_reduce(values.data(), 4, DataType::kFloat32, ReduceOp::kSum, nullptr);
  } else {
    const Stopwatch watch;
    try {
      impatient->all_reduce(values.data(), 4, DataType::kFloat32, ReduceOp::kSum);
      ADD_FAILURE() << "the late rank was not noticed";
    } catch (const CommError& problem) {
      const std::string text = problem.what();
      EXPECT_NE(text.find("all-reduce of 16 bytes, number 0"), std::string::npos) << text;
      EXPECT_NE(text.find("rank " + std::to_string(rank()) + " on this-host"), std::string::npos);
    }
    EXPECT_LT(watch.seconds(), 10);
  }
  // MPI must see the operation through before it is used again.
  for (const Stopwatch watch; !impatient->idle() && watch.seconds() < 20;) impatient->progress();
  EXPECT_TRUE(impatient->idle());
  group().barrier();
}

INSTANTIATE_TEST_SUITE_P(Kinds, AnyCommunicator,
                         testing::Values("mpi", "node", "mpi_thread", "node_thread"),
                         [](const auto& info) { return std::string(info.param); });

TEST(NodeCommunicator, SumsHaveTheOrderOfTheRanksHoweverTheyAreCut) {
  const auto comm = make("node");
  constexpr int64_t kCount = 50'000;
  const auto memory = comm->allocate(3 * kCount * 4);
  auto* const whole = static_cast<float*>(memory->data());
  float* const cut = whole + kCount;
  float* const expected = cut + kCount;
  const auto made = [](int of_rank, float* into) {
    std::mt19937 random(static_cast<unsigned>(of_rank + 1));
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < kCount; ++i) into[i] = normal(random);
  };
  made(rank(), whole);
  made(rank(), cut);
  made(0, expected);
  std::vector<float> other(kCount);
  for (int r = 1; r < world(); ++r) {
    made(r, other.data());
    for (int64_t i = 0; i < kCount; ++i) expected[i] += other[static_cast<size_t>(i)];
  }
  comm->start_all_reduce(whole, kCount, DataType::kFloat32, ReduceOp::kSum, nullptr);
  for (int64_t begin = 0; begin < kCount; begin += 777) {
    comm->start_all_reduce(cut + begin, std::min<int64_t>(777, kCount - begin), DataType::kFloat32,
                           ReduceOp::kSum, nullptr);
  }
  comm->wait_all(nullptr);
  for (int64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(whole[i], expected[i]) << i;
    ASSERT_EQ(cut[i], expected[i]) << i;
  }
}

TEST(NodeCommunicator, RanksThatStartDifferentSumsAreToldSo) {
  if (world() == 1) return;
  const auto comm = make("node");
  std::vector<float> values(8, 1);
  try {
    comm->all_reduce(values.data(), rank() == 0 ? 8 : 7, DataType::kFloat32, ReduceOp::kSum);
    ADD_FAILURE() << "it was not noticed";
  } catch (const CommError& problem) {
    EXPECT_NE(std::string(problem.what()).find("different all-reduces"), std::string::npos);
  }
  group().barrier();
}

TEST(NodeCommunicator, MemoryOfDifferentSizesIsAnErrorOnEveryRank) {
  if (world() == 1) return;
  const auto comm = make("node");
  EXPECT_THROW(comm->allocate(rank() == 0 ? 100'000 : 200'000), CommError);
}

// No file of this process may be longer than nothing: so it has no memory to share.
class NoSharedMemory {
 public:
  NoSharedMemory() {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  NoSharedMemory(const NoSharedMemory&) = delete;
  NoSharedMemory& operator=(const NoSharedMemory&) = delete;
  ~NoSharedMemory() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(NodeCommunicator, WhereOneRankHasNoMemoryToShareAllAreToldAndAutoGoesOnWithMpi) {
  if (world() == 1) return;
  std::optional<NoSharedMemory> none;
  if (rank() == world() - 1) none.emplace();
  const auto made = [](const char* backend) {
    return make_process_group(
        *test_session(),
        {.backend = backend, .progress = "none", .timeout_seconds = 30, .threads_per_rank = 1});
  };
  try {
    made("node");
    ADD_FAILURE() << "there is memory";
  } catch (const CommError& problem) {
    const std::string text = problem.what();
    EXPECT_NE(text.find("the ranks cannot share"), std::string::npos) << text;
    EXPECT_NE(text.find(none ? "posix_fallocate failed: File too large"
                             : "rank " + std::to_string(world() - 1) + " could not"),
              std::string::npos)
        << text;
  }
  EXPECT_EQ(made("auto").gradients().backend(), "mpi");
}

TEST(ProcessGroupBackend, IsTheOneThatIsAskedFor) {
  const auto backend = [](const char* name, const char* progress) {
    ProcessGroup made = make_process_group(
        *test_session(),
        {.backend = name, .progress = progress, .timeout_seconds = 30, .threads_per_rank = 1});
    float one = 1;
    made.gradients().all_reduce(&one, 1, DataType::kFloat32, ReduceOp::kSum);
    EXPECT_EQ(one, static_cast<float>(world()));
    return std::string(made.gradients().backend());
  };
  const bool alone = world() == 1;
  for (const char* progress : {"auto", "thread", "none"}) {
    EXPECT_EQ(backend("mpi", progress), alone ? "self" : "mpi");
    EXPECT_EQ(backend("node", progress), alone ? "self" : "node");
  }
}

}  // namespace
}  // namespace catamaran
