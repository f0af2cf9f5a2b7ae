#include "trainer/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "support/error.h"
#include "support/log.h"
#include "trainer/checkpoint_writer.h"
#include "trainer/evaluation_record.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("checkpoints-" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static CheckpointContents contents(int64_t step, int64_t best_step = 0) {
    CheckpointContents made;
    made.state.step = step;
    made.state.best_step = best_step;
    made.view.crop = "center";
    made.state.precision = "fp16";
    made.state.loss_scaled = true;
    made.state.loss_scale = 512;
    made.state.loss_scale_applied = 3;
    made.state.optimizer = "sgd";
    made.state.model = to_json(CatOptions());
    made.state.classes = {"cat", "dog"};
    made.model.emplace_back("w", torch::full({3}, static_cast<double>(step)));
    made.optimizer.emplace_back("momentum.w", torch::zeros({3}));
    return made;
  }
  fs::path at(int64_t step) const {
    char name[32];
    std::snprintf(name, sizeof name, "step-%08ld", step);
    return folder_ / name;
  }

  fs::path folder_;
};

TEST_F(CheckpointTest, ReadsBackWhatWasWritten) {
  EXPECT_GT(write_checkpoint(folder_, contents(7)), 0);
  const auto found = find_checkpoint(folder_);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, at(7));
  const CheckpointState state = read_checkpoint_state(*found);
  EXPECT_EQ(state.step, 7);
  EXPECT_EQ(state.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(state.precision, "fp16");
  EXPECT_TRUE(state.loss_scaled);
  EXPECT_EQ(state.loss_scale, 512);
  EXPECT_EQ(state.loss_scale_applied, 3);
  EXPECT_EQ(recorded_precision(at(7) / "model.safetensors"), "fp16");
  const SafetensorsHeader header = list_safetensors(at(7) / "model.safetensors");
  EXPECT_EQ(recorded_evaluation(header, 448, "model").shorter_side(448), 512);
}

TEST_F(CheckpointTest, TakesOneThatDoesNotSayItsPrecisionForSinglePrecision) {
  write_checkpoint(folder_, contents(7));
  std::string text;
  {
    std::ifstream file(at(7) / "state.json");
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  const size_t begin = text.find("  \"precision\"");
  text.erase(begin, text.find('\n', begin) - begin + 1);
  std::ofstream(at(7) / "state.json") << text;
  EXPECT_EQ(read_checkpoint_state(at(7)).precision, "fp32");
  EXPECT_EQ(read_checkpoint_state(at(7)).loss_scale, 1);
  EXPECT_EQ(recorded_precision(at(7) / "model.safetensors"), "fp32");
  EXPECT_EQ(recorded_precision(folder_ / "alone.safetensors"), "fp32");
}

TEST_F(CheckpointTest, KeepsTheNewestAndTheBest) {
  for (int64_t step = 1; step <= 5; ++step) write_checkpoint(folder_, contents(step, 2));
  remove_old_checkpoints(folder_, {.keep = 2}, 2, 5);
  EXPECT_FALSE(fs::exists(at(1)));
  EXPECT_TRUE(fs::exists(at(2)));
  EXPECT_FALSE(fs::exists(at(3)));
  EXPECT_TRUE(fs::exists(at(4)));
  EXPECT_TRUE(fs::exists(at(5)));
}

TEST_F(CheckpointTest, TheBestAndTheLatestHaveNames) {
  const fs::path folder = folder_ / "checkpoints";
  CheckpointContents made = contents(1);
  made.state.best_map = -1;
  write_checkpoint(folder, made);
  EXPECT_THROW(checkpoint_by_name(folder / "best"), WeightsError) << "before an evaluation";
  for (int64_t step = 2; step <= 4; ++step) {
    made = contents(step, std::min<int64_t>(step, 3));
    made.state.best_map = 0.5;
    write_checkpoint(folder, made);
  }
  EXPECT_EQ(checkpoint_by_name(folder / "best"), folder / "step-00000003");
  EXPECT_EQ(checkpoint_by_name(folder / "latest"), folder / "step-00000004");
  EXPECT_EQ(weights_file_of(folder / "best", "raw").parent_path(), folder / "step-00000003");
  fs::remove(folder / "best");
  EXPECT_EQ(checkpoint_by_name(folder / "best"), folder / "step-00000003") << "a run of before";
  EXPECT_EQ(checkpoint_by_name("best"), "best");
  fs::remove_all(folder / "step-00000003");
  EXPECT_THROW(checkpoint_by_name(folder / "best"), WeightsError);
}

TEST_F(CheckpointTest, AWriteThatMayNotBeIsOneThatFailed) {
  bool may = false;
  CheckpointWriter writer(
      folder_, {.keep = 5}, [](const CheckpointEnd&) {},
      [&may] {
        if (!may) throw WeightsError("the run directory has been moved away", "", "");
      });
  writer.save(contents(1), "periodic", Stopwatch());
  EXPECT_THROW(writer.finish(), WeightsError);
  EXPECT_FALSE(fs::exists(at(1)));
  may = true;
  writer.save(contents(2), "periodic", Stopwatch());
  writer.finish();
  EXPECT_TRUE(fs::exists(at(2)));
}

TEST_F(CheckpointTest, KeepsTheMultiplesForGoodBesidesTheNewestAndTheBest) {
  for (int64_t step = 1; step <= 9; ++step) {
    write_checkpoint(folder_, contents(step, 2));
    remove_old_checkpoints(folder_, {.keep = 1, .keep_every_steps = 4}, 2, step);
  }
  for (const int64_t stays : {2, 4, 8, 9}) EXPECT_TRUE(fs::exists(at(stays))) << stays;
  for (const int64_t goes : {1, 3, 5, 6, 7}) EXPECT_FALSE(fs::exists(at(goes))) << goes;
}

TEST_F(CheckpointTest, AMultipleThatTheRunWentBackFromDoesNotStay) {
  for (const int64_t step : {4, 8, 6}) write_checkpoint(folder_, contents(step));
  remove_old_checkpoints(folder_, {.keep = 1, .keep_every_steps = 4}, 0, 6);
  EXPECT_TRUE(fs::exists(at(4)));
  EXPECT_TRUE(fs::exists(at(6)));
  EXPECT_FALSE(fs::exists(at(8)));
}

TEST_F(CheckpointTest, ADiskWithTooLittleRoomIsToldBeforeAnythingIsWritten) {
  CheckpointContents large = contents(1);
  large.model.front().second = torch::zeros({250});  // 1000 bytes, and 12 of the momentum
  int64_t available = 1062;
  const auto told = [&available](const fs::path&) { return std::optional(available); };
  EXPECT_GT(write_checkpoint(folder_, large, told), 1000);
  available = 1061;
  large.state.step = 2;
  try {
    write_checkpoint(folder_, large, told);
    FAIL() << "a checkpoint was begun that has no room";
  } catch (const WeightsError& problem) {
    const std::string said = problem.what();
    EXPECT_NE(said.find("needs 1062 bytes"), std::string::npos) << said;
    EXPECT_NE(said.find("1061 are free"), std::string::npos) << said;
  }
  EXPECT_EQ(find_checkpoint(folder_), at(1));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2)
      << "the first checkpoint and `latest`";
}

TEST_F(CheckpointTest, AFileSystemThatDoesNotTellItsRoomIsWrittenTo) {
  EXPECT_GT(write_checkpoint(folder_, contents(1), [](const fs::path&) { return std::nullopt; }),
            0);
  EXPECT_EQ(available_bytes(folder_ / "not there"), std::nullopt);
  EXPECT_GT(available_bytes(folder_).value_or(1), 0);
}

TEST_F(CheckpointTest, ReadsTheRoomOfTheFileSystemByItself) {
  if (!available_bytes(folder_)) GTEST_SKIP() << "the file system does not tell";
  CheckpointContents endless = contents(1);
  endless.model.front().second = torch::zeros({1}).expand({int64_t{1} << 55});  // takes no memory
  EXPECT_THROW(write_checkpoint(folder_, endless), WeightsError);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(CheckpointTest, ARunThatWentBackKeepsWhatItWroteAndDropsTheAbandonedFirst) {
  for (const int64_t step : {1, 3, 4, 5, 2}) write_checkpoint(folder_, contents(step));
  remove_old_checkpoints(folder_, {.keep = 2}, 0, 2);
  EXPECT_TRUE(fs::exists(at(2)));
  EXPECT_TRUE(fs::exists(at(1)));
  for (const int64_t abandoned : {3, 4, 5}) EXPECT_FALSE(fs::exists(at(abandoned)));
  write_checkpoint(folder_, contents(9));
  std::ofstream(folder_ / "latest") << "step-00000002";
  fs::resize_file(at(2) / "model.safetensors", 40);
  EXPECT_EQ(find_checkpoint(folder_), at(1)) << "9 belongs to another course of the run";
}

TEST_F(CheckpointTest, FallsBackToTheNewestCompleteOne) {
  for (int64_t step = 1; step <= 3; ++step) write_checkpoint(folder_, contents(step));
  fs::resize_file(at(3) / "model.safetensors", 40);
  EXPECT_EQ(find_checkpoint(folder_), at(2));
  std::ofstream(folder_ / "latest") << "../../elsewhere";
  EXPECT_EQ(find_checkpoint(folder_), at(2));
}

TEST_F(CheckpointTest, ReadsNoMoreOfLatestThanANameTakesAndSaysWhatItIsNot) {
  const fs::path folder = folder_ / "checkpoints";
  for (int64_t step = 1; step <= 2; ++step) write_checkpoint(folder, contents(step));
  const fs::path latest = folder / "latest";
  const auto expect_no_name = [&] {
    EXPECT_EQ(latest_checkpoint_name(folder), "");
    EXPECT_EQ(find_checkpoint(folder), folder / "step-00000002");
    try {
      checkpoint_by_name(latest);
      ADD_FAILURE() << "it names no checkpoint";
    } catch (const WeightsError& problem) {
      EXPECT_NE(std::string(problem.what()).find("it names no checkpoint, or cannot be read"),
                std::string::npos)
          << problem.what();
    }
  };
  std::ofstream(latest) << " step-00000001\n";
  EXPECT_EQ(latest_checkpoint_name(folder), "step-00000001");
  std::ofstream(latest) << "step-00000001\n" << std::string(1000, '\n');
  expect_no_name();
  std::ofstream(latest) << "elsewhere";
  expect_no_name();
  std::ofstream(latest) << " \n";
  expect_no_name();
  fs::remove(latest);
  ASSERT_EQ(::mkfifo(latest.c_str(), 0600), 0);
  expect_no_name();  // nobody ever writes into it
}

TEST_F(CheckpointTest, SaysThatLatestNamesNoCheckpointWhereItTakesTheNewest) {
  write_checkpoint(folder_, contents(1));
  const fs::path said = folder_.string() + "-said";
  fs::remove(said);
  {
    const LogFile file(said, 0);
    EXPECT_TRUE(find_checkpoint(folder_));
    EXPECT_EQ(fs::file_size(said), 0u);
    std::ofstream(folder_ / "latest") << "elsewhere";
    EXPECT_TRUE(find_checkpoint(folder_));
  }
  const std::string lines(std::istreambuf_iterator<char>(std::ifstream(said).rdbuf()), {});
  EXPECT_NE(lines.find("the newest complete one is taken"), std::string::npos) << lines;
  fs::remove(said);
}

TEST_F(CheckpointTest, ARunWhoseCheckpointsAreAllDamagedIsNotARunWithout) {
  EXPECT_EQ(find_checkpoint(folder_), std::nullopt);
  for (int64_t step = 1; step <= 2; ++step) {
    write_checkpoint(folder_, contents(step));
    fs::resize_file(at(step) / "model.safetensors", 40);
  }
  try {
    find_checkpoint(folder_);
    FAIL() << "damaged checkpoints were taken for none";
  } catch (const WeightsError& problem) {
    EXPECT_NE(std::string(problem.what()).find("step-00000002"), std::string::npos)
        << problem.what();
  }
}

TEST_F(CheckpointTest, ANamedCheckpointIsVerifiedBeforeItsWeightsAreUsed) {
  write_checkpoint(folder_, contents(1));
  EXPECT_EQ(weights_file_of(at(1), "auto"), at(1) / "model.safetensors");
  EXPECT_EQ(weights_file_of(folder_, "auto"), at(1) / "model.safetensors");
  std::fstream file(at(1) / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('\x55');
  file.close();
  EXPECT_THROW(weights_file_of(at(1), "auto"), WeightsError);
}

TEST_F(CheckpointTest, NamesTheFileOfAFlippedBit) {
  write_checkpoint(folder_, contents(1));
  {
    std::fstream file(at(1) / "optimizer.safetensors",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x55');
  }
  try {
    read_checkpoint_state(at(1));
    FAIL() << "a damaged checkpoint was read";
  } catch (const WeightsError& problem) {
    EXPECT_NE(std::string(problem.what()).find("optimizer.safetensors"), std::string::npos)
        << problem.what();
  }
}

TEST_F(CheckpointTest, RefusesNumbersThatNoRunWrites) {
  write_checkpoint(folder_, contents(3));
  const fs::path file = at(3) / "state.json";
  std::string good;
  std::getline(std::ifstream(file), good, '\0');
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"step", "-3"}, {"step", "4611686018427387904"}, {"best_step", "4"}, {"world", "0"}}) {
    std::string text = good;
    const size_t begin = text.find("\"" + key + "\": ") + key.size() + 4;
    text.replace(begin, text.find_first_of(",\n", begin) - begin, value);
    std::ofstream(file) << text;
    try {
      read_checkpoint_state(at(3));
      ADD_FAILURE() << key << " " << value << " was accepted";
    } catch (const WeightsError& problem) {
      EXPECT_NE(std::string(problem.what()).find("\"" + key + "\" cannot be " + value),
                std::string::npos)
          << problem.what();
    }
  }
  std::ofstream(file) << good;
  EXPECT_EQ(read_checkpoint_state(at(3)).step, 3);
}

TEST_F(CheckpointTest, TheWriterTellsOfSuccessAndOfFailureAndThrowsTheFailureLater) {
  std::vector<CheckpointEnd> ends;
  CheckpointWriter writer(folder_, {.keep = 2},
                          [&](const CheckpointEnd& end) { ends.push_back(end); });
  writer.save(contents(1), "periodic", Stopwatch());
  writer.finish();
  fs::remove_all(folder_);
  std::ofstream(folder_) << "a file where the folder was";
  writer.save(contents(2), "final", Stopwatch());
  EXPECT_THROW(writer.finish(), std::exception);
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_TRUE(ends[0].ok);
  EXPECT_GT(ends[0].bytes, 0);
  EXPECT_FALSE(ends[1].ok);
  EXPECT_EQ(ends[1].step, 2);
  EXPECT_EQ(ends[1].kind, "final");
}

TEST_F(CheckpointTest, AFailedWriteDoesNotKeepTheNextFromBeingWrittenButThreeInARowDo) {
  CheckpointWriter writer(folder_, {.keep = 5}, [](const CheckpointEnd&) {});
  const auto break_folder = [&] {
    fs::remove_all(folder_);
    std::ofstream(folder_) << "a file where the folder was";
  };
  break_folder();
  writer.save(contents(1), "periodic", Stopwatch());
  while (!writer.idle()) std::this_thread::yield();
  fs::remove(folder_);
  writer.save(contents(2), "periodic", Stopwatch());
  writer.finish();
  EXPECT_EQ(find_checkpoint(folder_), at(2));
  break_folder();
  for (int64_t step = 3; step <= 5; ++step) writer.save(contents(step), "periodic", Stopwatch());
  EXPECT_THROW(writer.save(contents(6), "periodic", Stopwatch()), std::exception);
}

}  // namespace
}  // namespace catamaran
