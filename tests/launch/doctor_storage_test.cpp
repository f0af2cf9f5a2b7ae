#include "launch/doctor_storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DoctorStorage : public testing::Test {
 protected:
  DoctorStorage() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~DoctorStorage() override { fs::remove_all(folder_); }
  fs::path folder_ =
      fs::canonical(testing::TempDir()) / ("doctor-storage-" + std::to_string(::getpid()));
};

// The other "rank" is this process: flock's locks belong to open files, not to processes.
TEST_F(DoctorStorage, WhatRankZeroWritesIsFoundAndItsLockKeepsOthersOut) {
  {
    const SharedProbe probe(folder_ / "runs/1");
    const std::vector<Finding> found = look_for(probe.ticket());
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].level, FindingLevel::kOk) << found[0].what;
    EXPECT_EQ(found[0].topic, "run-directory-everywhere");
    EXPECT_EQ(found[1].level, FindingLevel::kOk) << found[1].what;
    EXPECT_EQ(found[1].topic, "lock-everywhere");
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(DoctorStorage, AFileThatNeverAppearsForbidsTraining) {
  const std::string ticket =
      nlohmann::json(
          {{"folder", (folder_ / "elsewhere").string()}, {"content", "x"}, {"has_locks", true}})
          .dump();
  const std::vector<Finding> found = look_for(ticket, /*seconds=*/0.2);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].level, FindingLevel::kFail);
  EXPECT_THAT(found[0].todo, HasSubstr("storage that all nodes share"));
}

TEST_F(DoctorStorage, ALockThatKeepsNobodyOutIsAWarning) {
  const SharedProbe probe(folder_);
  nlohmann::json ticket = nlohmann::json::parse(probe.ticket());
  fs::path copy = folder_ / "copy";  // as on a mount that another node does not share
  fs::copy(ticket.at("folder").get<std::string>(), copy);
  ticket["folder"] = copy.string();
  const std::vector<Finding> found = look_for(ticket.dump());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].level, FindingLevel::kWarn);
  EXPECT_THAT(found[1].todo, HasSubstr("localflock"));
}

TEST_F(DoctorStorage, WhereRankZeroCannotWriteIsAnError) {
  EXPECT_THROW(SharedProbe("/proc/run"), UsageError);
}

}  // namespace
}  // namespace catamaran
