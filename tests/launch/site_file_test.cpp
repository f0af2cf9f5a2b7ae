#include "launch/site_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "launch/job_templates.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SiteFileTest : public testing::Test {
 protected:
  SiteFileTest()
      : file_(fs::path(testing::TempDir()) / ("site-" + std::to_string(::getpid()) + ".toml")) {}
  ~SiteFileTest() override { fs::remove(file_); }

  SiteFile read(const std::string& text) const {
    std::ofstream(file_) << text;
    return read_site_file(file_);
  }
  std::string refusal(const std::string& text) const {
    try {
      read(text);
      return "accepted";
    } catch (const UsageError& problem) {
      return problem.what();
    }
  }

  fs::path file_;
};

TEST_F(SiteFileTest, OfAnEmptyFileIsSlurmAsItIs) {
  const SiteFile site = read("");
  EXPECT_EQ(site.launcher, "srun");
  EXPECT_EQ(site.mpi, "pmix");
  EXPECT_EQ(site.container, "none");
  EXPECT_TRUE(site.node_check);
  EXPECT_EQ(site.partition_named("anything").gpus_per_node, 0);
  EXPECT_EQ(site.file, file_);
}

TEST_F(SiteFileTest, TheExampleIsOneAndChangesNothing) {
  const SiteFile site = read(std::string(job_template("site.example.toml")));
  EXPECT_EQ(site.partition, "");
  EXPECT_TRUE(site.partitions.empty());
}

TEST_F(SiteFileTest, EveryKeyOfTheExampleIsOneThatIsRead) {
  // The example with its # taken away, line by line, where a key or a table follows.
  std::string text(job_template("site.example.toml"));
  for (size_t at = text.find("\n#"); at != std::string::npos; at = text.find("\n#", at + 1)) {
    const char next = at + 2 < text.size() ? text[at + 2] : ' ';
    if (next != ' ') text.erase(at + 1, 1);
  }
  const SiteFile site = read(text);
  EXPECT_EQ(site.partition, "gpu");
  EXPECT_EQ(site.account, "vision");
  EXPECT_EQ(site.time, "4h");
  EXPECT_THAT(site.options, ElementsAre("--exclusive"));
  ASSERT_EQ(site.partitions.size(), 2U);
  const SitePartition gpu = site.partition_named("gpu");
  EXPECT_EQ(gpu.gpus_per_node, 4);
  EXPECT_EQ(gpu.gpu_type, "a100");
  EXPECT_EQ(gpu.cpus_per_task, 12);
  EXPECT_EQ(gpu.memory, "0");
  EXPECT_EQ(site.partition_named("cpu").ranks_per_node, 2);
  EXPECT_THAT(site.modules, ElementsAre("gcc/12", "openmpi/4.1"));
  EXPECT_THAT(site.variables, ElementsAre("NCCL_SOCKET_IFNAME=ib0", "NCCL_IB_HCA=mlx5_0"));
  EXPECT_EQ(site.container, "apptainer");
  EXPECT_THAT(site.mounts, ElementsAre("/shared:/shared"));
  EXPECT_EQ(site.bad_nodes, "/shared/catamaran/bad-nodes.txt");
  EXPECT_EQ(site.discovery, "/shared/prometheus/catamaran");
}

TEST_F(SiteFileTest, AllMistakesAreToldAtOnceWithTheirPlacesAndWhatWasMeant) {
  const std::string problem = refusal(
      "[slurm]\npartitoin = \"gpu\"\naccount = 3\ntime = \"soon\"\noptions = [\"--array=1\", "
      "\"-x\"]\nsignal_seconds = -1\n[partitions.gpu]\ngpus_per_nod = 4\nmemory = \"64 GB\"\n"
      "gpu_request = \"gpus\"\n[environment]\nvariables = [\"A B=1\"]\nmodules = [3]\n"
      "[container]\nkind = \"aptainer\"\n[launch]\nlauncher = \"srn\"\n"
      "[paths]\nbad_nodes = \"bad.txt\"\n");
  EXPECT_THAT(problem, HasSubstr(file_.string() + ":2"));
  EXPECT_THAT(problem, HasSubstr("did you mean 'slurm.partition'?"));
  EXPECT_THAT(problem, HasSubstr("slurm.account must be text"));
  EXPECT_THAT(problem, HasSubstr("'soon' is no length of time"));
  EXPECT_THAT(problem, HasSubstr("'--array' is said by the job script itself"));
  EXPECT_THAT(problem, HasSubstr("'-x' must be one whole option"));
  EXPECT_THAT(problem, HasSubstr("slurm.signal_seconds: must be 0 to"));
  EXPECT_THAT(problem, HasSubstr("'partitions.gpu.gpus_per_nod' (did you mean 'gpus_per_node'?)"));
  EXPECT_THAT(problem, HasSubstr("partitions.gpu.memory: must be a number with K, M, G or T"));
  EXPECT_THAT(problem, HasSubstr("partitions.gpu.gpu_request: 'gpus' is not known"));
  EXPECT_THAT(problem, HasSubstr("'A B=1' must be NAME=VALUE"));
  EXPECT_THAT(problem, HasSubstr("environment.modules: must be a list of texts in quotes"));
  EXPECT_THAT(problem, HasSubstr("did you mean 'apptainer'?"));
  EXPECT_THAT(problem, HasSubstr("did you mean 'srun'?"));
  EXPECT_THAT(problem, HasSubstr("'bad.txt' must be an absolute path"));
  EXPECT_THAT(problem, HasSubstr("--example-site"));
}

TEST_F(SiteFileTest, NothingInItCanEndALineOfAScript) {
  const std::string problem = refusal(
      "[slurm]\naccount = \"a\\n#SBATCH --uid=0\"\n[environment]\nmodules = [\"x\\ny\"]\n"
      "setup = [\"\"\"\na\nb\"\"\"]\n");
  EXPECT_THAT(problem, AllOf(HasSubstr("slurm.account: must not have control characters"),
                             HasSubstr("environment.modules: must not have control characters"),
                             HasSubstr("environment.setup: must not have control characters")));
}

TEST_F(SiteFileTest, WhatDoesNotGoTogetherIsRefused) {
  EXPECT_THAT(refusal("[container]\nkind = \"pyxis\"\nimage = \"/i.sqsh\"\n[launch]\nlauncher = "
                      "\"mpirun\"\n"),
              HasSubstr("pyxis is a part of it"));
  EXPECT_THAT(refusal("[container]\nkind = \"apptainer\"\n"), HasSubstr("must name the image"));
  EXPECT_THAT(refusal("[slurm]\npartition = \"gpuu\"\n[partitions.gpu]\ngpus_per_node = 1\n"),
              HasSubstr("there is no [partitions.gpuu] (did you mean 'gpu'?)"));
  EXPECT_THAT(refusal("[partitions]\ngpu = 3\n"), HasSubstr("must be a table: [partitions.gpu]"));
}

TEST_F(SiteFileTest, APartitionThatItDoesNotNameIsRefusedWithTheNearest) {
  const SiteFile site = read(
      "[partitions.gpu]\ngpus_per_node = 4\n[partitions.cpu]\n"
      "ranks_per_node = 2\n");
  EXPECT_EQ(site.partition_named("").gpus_per_node, 0);
  try {
    site.partition_named("gpus");
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), AllOf(HasSubstr("no partition 'gpus' (did you mean 'gpu'?)"),
                                      HasSubstr("use one of cpu, gpu")));
  }
}

TEST_F(SiteFileTest, AFileThatIsNamedMustBeThere) {
  EXPECT_THROW(find_site_file("/no/such/site.toml"), UsageError);
  EXPECT_EQ(find_site_file("").file, "") << "there is none in the folder of the tests";
  read("[slurm]\npartition = \"gpu\"\n");
  EXPECT_EQ(find_site_file(file_).partition, "gpu");
}

TEST(SbatchOption, IsOneWordOfAnOptionThatTheScriptDoesNotSay) {
  for (const char* word : {"--exclusive", "--comment=a b", "--switches=1"})
    EXPECT_EQ(problem_of_sbatch_option(word), "") << word;
  for (const char* word : {"", "-N2", "--", "exclusive", "--nodes=2", "--signal=USR1", "--output=x",
                           "--wrap=x", "--comment=a\nb"})
    EXPECT_NE(problem_of_sbatch_option(word), "") << word;
}

}  // namespace
}  // namespace catamaran
