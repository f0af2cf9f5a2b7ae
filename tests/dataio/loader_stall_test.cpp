// Reads that do not return, as those of a hung file system.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "dataio/loader.h"
#include "interposed_calls.h"
#include "loader_fixture.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/host_name.h"

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kShard = "shard-00001.h5";  // the second half of the pack

class StalledLoaderTest : public LoaderTest {
 protected:
  static LoaderOptions impatient(double timeout_seconds) {
    LoaderOptions options = training(2, 3);
    options.timeout_seconds = timeout_seconds;
    return options;
  }
  static KeysOfBatch one_batch_of_the_stalled_shard() {
    return [](int64_t batch) {
      const int64_t last = pack_->images() - 1;
      return batch == 0 ? std::vector<SampleKey>{{0, 0}, {0, last}} : std::vector<SampleKey>{};
    };
  }
  static std::string error_of_next(Loader& loader) {
    try {
      loader.next();
    } catch (const DataError& problem) {
      return problem.what();
    }
    return "a batch";
  }
  static void wait_for_stalled_reads(int64_t count) {
    const Stopwatch watch;
    while (stalled_reads() != count) {
      ASSERT_LT(watch.seconds(), 20) << stalled_reads() << " reads stall, not " << count;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
};

TEST_F(StalledLoaderTest, EndsAReadThatTakesLongerThanTheTimeOutWithHostImageAndPack) {
  const Stopwatch watch;
  {
    const StalledReads stalled(kShard);
    {
      Loader loader(*pack_, impatient(0.3), one_batch_of_the_stalled_shard());
      EXPECT_THAT(error_of_next(loader),
                  AllOf(HasSubstr(folder_.string()), HasSubstr("host " + host_name()),
                        HasSubstr("image '" + pack_->id(pack_->images() - 1) + "' for "),
                        HasSubstr("data.timeout_seconds")));
      EXPECT_LT(watch.seconds(), 30);
    }
    EXPECT_LT(watch.seconds(), 40);  // its end does not wait for the read
    EXPECT_EQ(stalled_reads(), 1);
  }
  wait_for_stalled_reads(0);
}

TEST_F(StalledLoaderTest, WaitsForASlowReadWhereThereIsNoTimeOut) {
  auto stalled = std::make_unique<StalledReads>(kShard);
  LoaderOptions options = impatient(0);
  options.patience_seconds = 0.05;
  Loader loader(*pack_, options, one_batch_of_the_stalled_shard());
  const std::jthread release([&] {
    wait_for_stalled_reads(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    stalled.reset();
  });
  const std::optional<Batch> batch = loader.next();
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->images, 2);
}

TEST_F(StalledLoaderTest, GoesWithoutWaitingForAReadThatStallsAndThePackMayGoBeforeIt) {
  const Stopwatch watch;
  auto pack = std::make_unique<PackReader>(folder_);
  {
    const StalledReads stalled(kShard);
    {
      const Loader loader(*pack, impatient(600), one_batch_of_the_stalled_shard());
      wait_for_stalled_reads(1);
    }
    EXPECT_LT(watch.seconds(), 40);
    pack.reset();
  }
  wait_for_stalled_reads(0);
  // The thread decodes what it has read: into memory, and of a pack, that are still there.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
}

TEST_F(StalledLoaderTest, GivesNoBatchAnyMoreWhenItIsStopped) {
  const StalledReads stalled(kShard);
  Loader loader(*pack_, impatient(600), one_batch_of_the_stalled_shard());
  const std::jthread other([&] {
    wait_for_stalled_reads(1);
    loader.stop();
  });
  EXPECT_FALSE(loader.next());
}

TEST_F(StalledLoaderTest, RefusesANegativeTimeOut) {
  EXPECT_THROW(Loader(*pack_, impatient(-1), one_batch_of_the_stalled_shard()), UsageError);
}

}  // namespace
}  // namespace catamaran
