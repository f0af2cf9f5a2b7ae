#include "trainer/checkpoint_self_test.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "flipped_byte.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/hash.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

class CheckpointSelfTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) /
        ("self-test-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // What it says of storage that does `damage` to what was written.
  std::string problem_after(const std::function<void(const fs::path&)>& damage) const {
    try {
      self_test_checkpoints(folder_, damage);
    } catch (const WeightsError& problem) {
      EXPECT_TRUE(fs::is_empty(folder_)) << "nothing stays";
      return problem.what();
    }
    return "it was not noticed";
  }

  fs::path folder_;
};

TEST_F(CheckpointSelfTest, LeavesNothingOnGoodStorage) {
  const SelfTest test = self_test_checkpoints(folder_);
  EXPECT_GE(test.bytes, 5 << 20);
  EXPECT_GT(test.seconds, 0);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(CheckpointSelfTest, NamesTheFileOfAFlippedBitAndTheFolder) {
  const std::string said =
      problem_after([](const fs::path& written) { flip_last_byte(written / "ema.safetensors"); });
  EXPECT_NE(said.find("ema.safetensors"), std::string::npos) << said;
  EXPECT_EQ(said.find(folder_.string() + ": the self-test of checkpoints failed"), 0u) << said;
}

// Storage that damages a file before it is first read gives a checksum of the damaged file.
TEST_F(CheckpointSelfTest, NamesTensorAndByteWhereTheChecksumIsOfWhatIsDamaged) {
  const std::string said = problem_after([](const fs::path& written) {
    flip_last_byte(written / "model.safetensors");
    nlohmann::json state = nlohmann::json::parse(std::ifstream(written / "state.json"));
    state["checksums"]["model.safetensors"] = to_hex(xxh3_of_file(written / "model.safetensors"));
    std::ofstream(written / "state.json") << state;
  });
  EXPECT_NE(said.find("byte 1048575 of the tensor 'second' is not what was written"),
            std::string::npos)
      << said;
}

TEST_F(CheckpointSelfTest, NoticesWhatIsMissing) {
  for (const char* name : {"optimizer.safetensors", "state.json"}) {
    const std::string said =
        problem_after([name](const fs::path& written) { fs::remove(written / name); });
    EXPECT_NE(said.find(name), std::string::npos) << said;
  }
  const std::string said = problem_after([](const fs::path& written) {
    std::ofstream(written.parent_path() / "latest") << "step-00000007\n";
  });
  EXPECT_NE(said.find("latest"), std::string::npos) << said;
}

TEST_F(CheckpointSelfTest, AFolderThatCannotBeWrittenToIsAnErrorOfCheckpoints) {
  fs::remove_all(folder_);
  std::ofstream(folder_) << "a file where the folder should be";
  EXPECT_THROW(self_test_checkpoints(folder_), WeightsError);
}

// So what a killed one leaves goes at the next start, as that of any killed writer does.
TEST_F(CheckpointSelfTest, WritesIntoATemporaryOnly) {
  bool was_called = false;
  self_test_checkpoints(folder_, [&](const fs::path&) {
    was_called = true;
    EXPECT_EQ(targets_of_temporaries(folder_), std::set<fs::path>{folder_ / "self-test"});
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
  });
  EXPECT_TRUE(was_called);
}

}  // namespace
}  // namespace catamaran
