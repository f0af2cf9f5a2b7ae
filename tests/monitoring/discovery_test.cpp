#include "monitoring/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/error.h"
#include "temporary_directory.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DiscoveryTest : public ::testing::Test {
 protected:
  static DiscoveryTarget target() {
    return {.file = {},
            .address = "node7.cluster:9400",
            .run = "cat-1",
            .slurm_job_id = "4711",
            .user = "ada",
            .cluster = "alps",
            .run_dir = "/scratch/runs/cat-1"};
  }
  void write(const std::string& name, const std::string& content) const {
    write_text(folder_ / name, content);
  }
  std::string reason_of(const std::string& content) const {
    write("x.json", content);
    const DiscoveryFolder found = read_discovery(folder_);
    EXPECT_THAT(found.targets, IsEmpty()) << content;
    return found.left_out.size() == 1 ? found.left_out[0] : "";
  }

  TemporaryDirectory temporary_;
  const fs::path folder_ = temporary_.path() / "shared/prometheus";  // made where it is missing
};

TEST_F(DiscoveryTest, WritesWhatFileSdReads) {
  const DiscoveryFile file(folder_, target());
  const auto groups = nlohmann::json::parse(read_text(file.path()));
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0]["targets"], nlohmann::json::array({"node7.cluster:9400"}));
  EXPECT_EQ(groups[0]["labels"],
            nlohmann::json({{"job", "catamaran"},
                            {"run", "cat-1"},
                            {"slurm_job_id", "4711"},
                            {"user", "ada"},
                            {"cluster", "alps"},
                            {"__meta_catamaran_run_dir", "/scratch/runs/cat-1"}}));
  EXPECT_EQ(file.path().extension(), ".json");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "no temporary file is left";
}

TEST_F(DiscoveryTest, ReadsBackWhatItWrote) {
  const DiscoveryFile file(folder_, target());
  const DiscoveryFolder found = read_discovery(folder_);
  EXPECT_THAT(found.left_out, IsEmpty());
  ASSERT_THAT(found.targets, SizeIs(1));
  EXPECT_EQ(found.targets[0].file, file.path());
  EXPECT_EQ(found.targets[0].address, "node7.cluster:9400");
  EXPECT_EQ(found.targets[0].run, "cat-1");
  EXPECT_EQ(found.targets[0].slurm_job_id, "4711");
  EXPECT_EQ(found.targets[0].user, "ada");
  EXPECT_EQ(found.targets[0].cluster, "alps");
  EXPECT_EQ(found.targets[0].run_dir, "/scratch/runs/cat-1");
  EXPECT_EQ(discovery_json(found.targets), read_text(file.path()));
}

TEST_F(DiscoveryTest, LeavesLabelsOutThatAreNotKnown) {
  DiscoveryTarget bare = target();
  bare.slurm_job_id = "";
  bare.cluster = "";
  const DiscoveryFile file(folder_, bare);
  EXPECT_EQ(read_text(file.path()).find("slurm_job_id"), std::string::npos);
  EXPECT_EQ(read_discovery(folder_).targets[0].cluster, "");
}

TEST_F(DiscoveryTest, StaysAfterACrashAndGoesAtACleanEnd) {
  fs::path path;
  {
    const DiscoveryFile crashed(folder_, target());
    path = crashed.path();
  }
  EXPECT_TRUE(fs::exists(path));
  DiscoveryFile ended(folder_, target());
  EXPECT_EQ(ended.path(), path) << "a start of the same run takes the place of the one before";
  ended.remove();
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(DiscoveryTest, DoesNotTakeAwayTheFileOfALaterStart) {
  DiscoveryFile first(folder_, target());
  DiscoveryTarget later = target();
  later.address = "node8.cluster:9400";
  const DiscoveryFile second(folder_, later);
  first.remove();
  EXPECT_EQ(read_discovery(folder_).targets[0].address, "node8.cluster:9400");
}

TEST_F(DiscoveryTest, HasAFileForEachRunDirectoryWhateverTheRunIsCalled) {
  DiscoveryTarget other = target();
  other.run_dir = "/home/ada/cat-1";
  DiscoveryTarget hostile = target();
  hostile.run = "../../etc/\xff passwd \"\n" + std::string(500, 'x');
  hostile.run_dir = "/scratch/\xff";
  DiscoveryTarget hidden = target();
  hidden.run = ".hidden";
  hidden.run_dir = "/scratch/hidden";
  const DiscoveryFile one(folder_, target());
  const DiscoveryFile two(folder_, other);
  const DiscoveryFile three(folder_, hostile);
  const DiscoveryFile four(folder_, hidden);
  EXPECT_THAT(read_discovery(folder_).targets, SizeIs(4));
  for (const auto& entry : fs::directory_iterator(folder_))
    EXPECT_EQ(entry.path().parent_path(), folder_);
}

TEST_F(DiscoveryTest, MakesARelativeRunDirectoryAbsolute) {
  DiscoveryTarget relative = target();
  relative.run_dir = "runs/../runs/a";
  const DiscoveryFile file(folder_, relative);
  EXPECT_EQ(read_discovery(folder_).targets[0].run_dir, (fs::current_path() / "runs/a").string());
}

TEST_F(DiscoveryTest, SaysOfEachFileThatIsNoneWhy) {
  EXPECT_THAT(reason_of("{ no json"), HasSubstr("x.json: not valid JSON"));
  EXPECT_THAT(reason_of(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(reason_of("{}"), HasSubstr("no list of one group"));
  EXPECT_THAT(reason_of("[]"), HasSubstr("no list of one group"));
  EXPECT_THAT(reason_of(R"([{"labels": {}}])"), HasSubstr("'targets' is missing"));
  EXPECT_THAT(reason_of(R"([{"targets": [], "labels": {}}])"), HasSubstr("it has 0 targets"));
  EXPECT_THAT(reason_of(R"([{"targets": [7], "labels": {}}])"), HasSubstr("wrong type"));
  for (const char* address :
       {"node", "node:", ":9400", "node:0", "node:65536", "node:80x", "http://node:9400/metrics"})
    EXPECT_THAT(reason_of(std::string(R"([{"targets": [")") + address + R"("], "labels": {}}])"),
                HasSubstr("no HOST:PORT"))
        << address;
  EXPECT_THAT(reason_of(R"([{"targets": ["n:1"]}])"), HasSubstr("'labels' is missing"));
  EXPECT_THAT(reason_of(R"([{"targets": ["n:1"], "labels": {"job": "node"}}])"),
              HasSubstr("label job is not 'catamaran'"));
  EXPECT_THAT(reason_of(R"([{"targets": ["n:1"], "labels": {"job": "catamaran"}}])"),
              HasSubstr("no label run"));
  EXPECT_THAT(reason_of(R"([{"targets": ["n:1"], "labels": {"job": 1}}])"),
              HasSubstr("wrong type"));
  EXPECT_THAT(reason_of("[" + std::string(1 << 19, ' ') + "]"), HasSubstr("more than the limit"));
  EXPECT_THAT(reason_of(std::string(100, '[') + std::string(100, ']')), HasSubstr("levels deep"));
}

TEST_F(DiscoveryTest, ReadsTheGoodFilesBesideTheBadOnes) {
  const DiscoveryFile file(folder_, target());
  write("a-broken.json", "[");
  write("notes.txt", "not read at all");
  write(".cat.json.tmp.node.1", "nor is a temporary file");
  fs::create_directory(folder_ / "folder.json");
  const DiscoveryFolder found = read_discovery(folder_);
  EXPECT_THAT(found.targets, SizeIs(1));
  ASSERT_THAT(found.left_out, SizeIs(2));
  EXPECT_THAT(found.left_out[0], HasSubstr("a-broken.json"));
  EXPECT_THAT(found.left_out[1], HasSubstr("folder.json: it is no regular file"));
}

TEST_F(DiscoveryTest, SaysWhichFolderCannotBeHad) {
  try {
    read_discovery(temporary_.path() / "missing");
    FAIL() << "there is no such folder";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("missing: the folder of discovery files cannot be read"));
  }
  write_text(temporary_.path() / "file", "");
  try {
    const DiscoveryFile file(temporary_.path() / "file", target());
    FAIL() << "a file is no folder";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), HasSubstr((temporary_.path() / "file").string()));
  }
}

TEST(DiscoveryJson, OfNoTargetsIsAnEmptyList) { EXPECT_EQ(discovery_json({}), "[]\n"); }

}  // namespace
}  // namespace catamaran
