#include "launch/doctor_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Eight ranks a host.
std::string host_of(int rank) { return "n" + std::to_string(rank / 8 + 1); }

TEST(DoctorReport, MakesOneLineOfEqualFindingsOfManyRanks) {
  DoctorReport report;
  for (int r = 63; r >= 0; --r)
    report.add({warning("cpus", "one CPU", "give more"), host_of(r), r});
  const std::vector<GroupedFinding> groups = report.grouped();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].hosts.size(), 8U);
  EXPECT_EQ(groups[0].ranks.size(), 64U);
  EXPECT_EQ(line_of(groups[0]), "warn  cpus on n[1-8] (ranks 0-63): one CPU; give more\n");
}

TEST(DoctorReport, KeepsFindingsOfOtherWordsApartUnlessTheyAreFine) {
  DoctorReport report;
  report.add({note("gpus", "two", ""), "a", 0});
  report.add({note("gpus", "three", ""), "b", 1});
  report.add({fine("memory", "80 GiB"), "a", 0});
  report.add({fine("memory", "81 GiB"), "b", 1});
  const std::vector<GroupedFinding> groups = report.grouped();
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[2].finding.what, "80 GiB");
  EXPECT_THAT(groups[2].hosts, ElementsAre("a", "b"));
}

TEST(DoctorReport, NamesTheNodesThatMustNotTrainWorstFirst) {
  DoctorReport report;
  std::vector<std::string> hosts;
  for (int r = 0; r < 64; ++r) hosts.push_back(host_of(r));
  report.set_ranks(hosts);
  report.add({fine("mpi", "Open MPI"), "n1", 0});
  report.add({note("gpus-idle", "x", ""), "n2", 8});
  EXPECT_FALSE(report.forbids_training());
  report.add({failure("gpu-memory", "2 errors", "leave it out"), "n3", 24});
  report.add({failure("device", "wrong", "leave it out"), "n7", 50});
  EXPECT_TRUE(report.forbids_training());
  EXPECT_TRUE(report.has_failure("device"));
  EXPECT_FALSE(report.has_failure("mpi"));
  const std::string text = report_text(report.grouped(), report.frame(true, 21.44));
  EXPECT_THAT(text, StartsWith("fail  gpu-memory on n3 (rank 24): 2 errors; leave it out\n"
                               "fail  device on n7 (rank 50): wrong; leave it out\n"
                               "note  gpus-idle on n2 (rank 8): x\n"
                               "ok    mpi on n1 (rank 0): Open MPI\n"));
  EXPECT_THAT(text, EndsWith("doctor: 64 ranks on 8 hosts in 21.4 s: n[3,7] must not train\n"));
}

TEST(DoctorReport, IsALineAFindingWhateverTheWordsAre) {
  DoctorReport report;
  report.set_ranks({"a"});
  report.add({failure("x", "two\nlines\x1b[31m", "do\nthis"), "a", 0});
  const std::string text = report_text(report.grouped(), report.frame(false, 1));
  EXPECT_THAT(text, StartsWith("fail  x on a (rank 0): two lines?[31m; do this\n"));
  EXPECT_THAT(text, HasSubstr("doctor: 1 rank on 1 host in 1.0 s: a must not train"));
}

TEST(DoctorReport, IsJsonForPrograms) {
  DoctorReport report;
  report.set_ranks({"n1", "n1", "n2"});
  report.add({failure("gpus", "none", "start fewer"), "n1", 1});
  report.add({fine("mpi", "Open MPI"), "n1", 0});
  const nlohmann::json json = report_json(report.grouped(), report.frame(true, 2));
  EXPECT_EQ(json.at("format_version"), 1);
  EXPECT_EQ(json.at("may_train"), false);
  EXPECT_EQ(json.at("failing_hosts"), nlohmann::json({"n1"}));
  EXPECT_EQ(json.at("world"), 3);
  EXPECT_EQ(json.at("hosts"), nlohmann::json({"n1", "n2"}));
  EXPECT_EQ(json.at("quick"), true);
  EXPECT_EQ(json.at("findings").at(0), nlohmann::json({{"level", "fail"},
                                                       {"topic", "gpus"},
                                                       {"what", "none"},
                                                       {"what_to_do", "start fewer"},
                                                       {"host", "n1"},
                                                       {"hosts", {"n1"}},
                                                       {"ranks", {1}}}));
}

TEST(DoctorReport, RemembersWhatIsBeingDone) {
  DoctorReport report;
  EXPECT_EQ(report.stage(), "");
  report.begin("summing");
  EXPECT_EQ(report.stage(), "summing");
}

}  // namespace
}  // namespace catamaran
