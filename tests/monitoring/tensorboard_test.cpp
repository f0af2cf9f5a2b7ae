#include "monitoring/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "fake_run.h"
#include "file_size_limit.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class TensorBoardTest : public testing::Test {
 protected:
  // Files in the order in which readers take them.
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    if (fs::exists(folder()))
      for (const auto& entry : fs::directory_iterator(folder())) found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
  }
  // Of each record the event, after its lengths and checksums were compared.
  static std::vector<std::string> events_of(const fs::path& file) {
    const std::string all = read_text(file);
    std::vector<std::string> events;
    for (size_t at = 0; at < all.size();) {
      uint64_t bytes = 0;
      for (size_t i = 8; i-- > 0;) bytes = bytes << 8 | static_cast<unsigned char>(all.at(at + i));
      const std::string event = all.substr(at + 12, bytes);
      EXPECT_EQ(all.substr(at, 16 + bytes), event_record(event));
      events.push_back(event);
      at += 16 + bytes;
    }
    return events;
  }
  static std::string start_at(int64_t step) {
    return session_start_event(0, step).substr(9);  // without its time
  }
  fs::path folder() const { return root_.path() / "tensorboard"; }

  TemporaryDirectory root_;
};

TEST_F(TensorBoardTest, MakesItsFileWithTheFirstEvent) {
  TensorBoardLog log(folder(), 0);
  EXPECT_THAT(files(), SizeIs(0));
  log.record(fake_step(1));
  ASSERT_THAT(files(), SizeIs(1));
  EXPECT_THAT(files()[0].filename().string(), HasSubstr("events.out.tfevents."));
  const std::vector<std::string> events = events_of(files()[0]);
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_THAT(events[0], HasSubstr("brain.Event:2"));
  EXPECT_EQ(events[1].substr(9), start_at(1));
  for (const char* tag : {"train/loss", "train/learning_rate", "train/gradient_norm",
                          "speed/images_per_second", "speed/data_wait_ratio"})
    EXPECT_THAT(events[2], HasSubstr(tag));
}

TEST_F(TensorBoardTest, NamesThePluginOfATagOnceAFile) {
  TensorBoardLog log(folder(), 0);
  log.record(fake_step(1));
  log.record(fake_step(2));
  const std::vector<std::string> events = events_of(files().at(0));
  ASSERT_THAT(events, SizeIs(4));
  EXPECT_THAT(events[2], HasSubstr("scalars"));
  EXPECT_EQ(events[3].find("scalars"), std::string::npos);
}

TEST_F(TensorBoardTest, KeepsEvaluationsOfRawAndAveragedWeightsApart) {
  TensorBoardLog log(folder(), 0);
  log.record(Evaluation(), "raw", 6);
  log.record(Evaluation(), "ema", 6);
  const std::vector<std::string> events = events_of(files().at(0));
  EXPECT_THAT(events.at(2), HasSubstr("eval_raw/map"));
  EXPECT_THAT(events.at(3), HasSubstr("eval_ema/top3_cf1"));
}

TEST_F(TensorBoardTest, VoidsTheStepsThatAResumedRunDoesAgain) {
  TensorBoardLog(folder(), 0).record(fake_step(1));
  TensorBoardLog(folder(), 6).record(fake_step(7));
  ASSERT_THAT(files(), SizeIs(2));
  EXPECT_EQ(events_of(files()[1]).at(1).substr(9), start_at(7));
}

TEST_F(TensorBoardTest, VoidsNothingOfTheStepWhoseEvaluationAResumedRunMakesUpFor) {
  TensorBoardLog log(folder(), 6);
  log.record(Evaluation(), "raw", 6);
  EXPECT_EQ(events_of(files().at(0)).at(1).substr(9), start_at(7));
}

// The clock of the node that goes on may be behind.
TEST_F(TensorBoardTest, GivesTheFileOfALaterStartTheHigherName) {
  write_text(folder() / "events.out.tfevents.9000000000.elsewhere.1", "");
  TensorBoardLog(folder(), 6).record(fake_step(7));
  ASSERT_THAT(files(), SizeIs(2));
  EXPECT_THAT(files()[1].filename().string(), HasSubstr("events.out.tfevents.9000000001."));
}

TEST_F(TensorBoardTest, LeavesWholeRecordsWhereStorageTakesNoMore) {
  TensorBoardLog log(folder(), 0);
  log.record(fake_step(1));
  const auto whole = fs::file_size(files().at(0));
  {
    const FileSizeLimit full(whole + 10);
    log.record(fake_step(2));
    EXPECT_EQ(fs::file_size(files().at(0)), whole);
  }
  log.record(fake_step(3));
  EXPECT_THAT(events_of(files().at(0)), SizeIs(4));
}

TEST_F(TensorBoardTest, DoesNotFailWhereItsFolderCannotBe) {
  TensorBoardLog log(root_.path() / "moved/away/tensorboard", 0);
  log.record(fake_step(1));
  log.record(fake_step(2));
  EXPECT_FALSE(fs::exists(root_.path() / "moved"));
}

}  // namespace
}  // namespace catamaran
