#include "launch/submit_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

SiteFile site_with_gpus() {
  SiteFile site;
  site.partition = "gpu";
  site.partitions["gpu"] = {.gpus_per_node = 4,
                            .gpu_request = "gpus-per-node",
                            .gpu_type = "",
                            .ranks_per_node = 0,
                            .cpus_per_task = 12,
                            .memory = "0",
                            .time = "4h"};
  site.partitions["cpu"] = {.gpus_per_node = 0,
                            .gpu_request = "gpus-per-node",
                            .gpu_type = "",
                            .ranks_per_node = 2,
                            .cpus_per_task = 0,
                            .memory = "",
                            .time = ""};
  return site;
}

std::string refusal(const JobWishes& wishes, const SiteFile& site = {}) {
  try {
    job_shape(wishes, site);
    return "accepted";
  } catch (const UsageError& problem) {
    return problem.what();
  }
}

std::vector<std::string> options(const JobWishes& wishes, const SiteFile& site,
                                 const std::string& kind = "train") {
  return sbatch_options(job_shape(wishes, site), wishes, site,
                        {.kind = kind,
                         .job = "cat 1",
                         .log = "/runs/100%/job-%j.log",
                         .folder = "/home/me",
                         .excluded = {"n3", "n7"}});
}

TEST(JobShape, OfAPartitionIsWhatTheSiteSaysOfIt) {
  const JobShape gpu = job_shape({.nodes = 2}, site_with_gpus());
  EXPECT_EQ(gpu.partition, "gpu");
  EXPECT_EQ(gpu.gpus_per_node, 4);
  EXPECT_EQ(gpu.ranks_per_node, 4) << "one a GPU";
  EXPECT_EQ(gpu.ranks(), 8);
  EXPECT_EQ(gpu.seconds, 4 * 3600);
  EXPECT_EQ(gpu.text(), "8 ranks on 2 nodes of gpu, 4 GPUs each, 0-04:00:00 at a time");
  const JobShape cpu = job_shape({.partition = "cpu"}, site_with_gpus());
  EXPECT_EQ(cpu.gpus_per_node, 0);
  EXPECT_EQ(cpu.ranks(), 2);
  EXPECT_EQ(cpu.seconds, 0);
}

TEST(JobShape, WhatAUserSaysWins) {
  const JobShape shape =
      job_shape({.ranks_per_node = 1, .gpus_per_node = 2, .cpus_per_task = 3, .time = "90s"},
                site_with_gpus());
  EXPECT_EQ(shape.gpus_per_node, 2);
  EXPECT_EQ(shape.ranks_per_node, 1);
  EXPECT_EQ(shape.cpus_per_task, 3);
  EXPECT_EQ(shape.seconds, 90);
  EXPECT_EQ(job_shape({.gpus_per_node = 0}, site_with_gpus()).ranks_per_node, 1);
}

TEST(JobShape, WithoutASiteIsOneRank) {
  const JobShape shape = job_shape({}, {});
  EXPECT_EQ(shape.ranks(), 1);
  EXPECT_EQ(shape.text(), "1 rank on 1 node");
}

TEST(JobShape, MistakesAreToldAtOnce) {
  const std::string problem = refusal(
      {.nodes = 0, .ranks_per_node = 8, .time = "soon", .qos = "a\nb", .options = {"--nodes=3"}},
      site_with_gpus());
  EXPECT_THAT(problem, AllOf(HasSubstr("--nodes: must be"), HasSubstr("8 ranks on 4 GPUs"),
                             HasSubstr("'soon' is no length of time"),
                             HasSubstr("--qos: must not have control characters"),
                             HasSubstr("'--nodes' is said by the job script itself")));
  EXPECT_THAT(refusal({.exclude = "n[1-3]"}), HasSubstr("'n[1-3]' is no node's name"));
}

TEST(SbatchOptions, AreThoseOfTheFactsOfClusters) {
  const auto all = options({.nodes = 2, .account = "vision"}, site_with_gpus());
  EXPECT_THAT(all, ElementsAre("--job-name=cat_1", "--output=/runs/100%%/job-%j.log",
                               "--open-mode=append", "--requeue", "--chdir=/home/me", "--nodes=2",
                               "--ntasks-per-node=4", "--signal=B:USR1@300", "--cpus-per-task=12",
                               "--gpus-per-node=4", "--mem=0", "--time=0-04:00:00",
                               "--partition=gpu", "--account=vision", "--exclude=n3,n7"));
}

TEST(SbatchOptions, ARankSeesAllGpusOfItsNode) {
  SiteFile site = site_with_gpus();
  site.partitions["gpu"].gpu_type = "a100";
  for (const std::string& option : options({}, site))
    EXPECT_THAT(option, Not(StartsWith("--gpus-per-task")));
  EXPECT_THAT(options({}, site), Contains("--gpus-per-node=a100:4"));
  site.partitions["gpu"].gpu_request = "gres";
  EXPECT_THAT(options({}, site), Contains("--gres=gpu:a100:4"));
}

TEST(SbatchOptions, TheSitesAndTheUsersComeLast) {
  SiteFile site;
  site.options = {"--exclusive"};
  const auto all = options({.options = {"--comment=x"}}, site);
  EXPECT_THAT(std::vector<std::string>(all.end() - 2, all.end()),
              ElementsAre("--exclusive", "--comment=x"));
}

TEST(SignalSeconds, LeaveShortJobsTheirTime) {
  EXPECT_EQ(signal_seconds(4 * 3600, 300), 300);
  EXPECT_EQ(signal_seconds(1800, 300), 180);
  EXPECT_EQ(signal_seconds(600, 300), 60);
  EXPECT_EQ(signal_seconds(599, 300), 0) << "Slurm may send it a minute early";
  EXPECT_EQ(signal_seconds(0, 300), 300) << "the partition's limit counts";
  EXPECT_EQ(signal_seconds(4 * 3600, 0), 0);
  SiteFile site;
  for (const std::string& option : options({.time = "1m"}, site))
    EXPECT_THAT(option, Not(StartsWith("--signal")));
  for (const std::string& option : options({.time = "4h"}, site, "eval"))
    EXPECT_THAT(option, Not(StartsWith("--signal"))) << "an evaluation saves nothing";
}

TEST(EnvironmentLines, AreOfTheSiteInTheirOrder) {
  SiteFile site;
  site.setup = {"source /etc/profile.d/modules.sh"};
  site.modules = {"gcc/12", "open mpi"};
  site.variables = {"A=b c", "B="};
  const auto lines = environment_lines(site);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "source /etc/profile.d/modules.sh");
  EXPECT_THAT(lines[1], StartsWith("module load gcc/12 'open mpi' || {"));
  EXPECT_EQ(lines[2], "export A='b c'");
  EXPECT_EQ(lines[3], "export B=''");
}

TEST(CommonSettings, SayHowTheProgramIsStarted) {
  const auto settings = [](const SiteFile& site, const JobWishes& wishes = {}) {
    return common_settings(job_shape(wishes, site), wishes, site, "/opt/catamaran",
                           "/runs/bad-nodes.txt", "/runs/a/submit.sbatch");
  };
  SiteFile site;
  EXPECT_THAT(
      settings(site),
      AllOf(Contains(Pair("program", "(/opt/catamaran)")), Contains(Pair("launcher", "srun")),
            Contains(Pair("container_options", "()")), Contains(Pair("node_check", "yes")),
            Contains(Pair("bad_nodes", "/runs/bad-nodes.txt")),
            Contains(Pair("script", "/runs/a/submit.sbatch"))));
  site = site_with_gpus();
  site.container = "apptainer";
  site.image = "/images/c.sif";
  site.mounts = {"/data", "/a b:/b"};
  EXPECT_THAT(settings(site), Contains(Pair("program",
                                            "(apptainer exec --nv --bind /data --bind '/a b:/b' "
                                            "/images/c.sif catamaran)")));
  EXPECT_THAT(settings(site, {.partition = "cpu"}),
              Contains(Pair("program", HasSubstr("apptainer exec --bind"))));
  site.container = "pyxis";
  site.bad_nodes = "/shared/bad";
  EXPECT_THAT(settings(site), AllOf(Contains(Pair("program", "(catamaran)")),
                                    Contains(Pair("container_options",
                                                  "(--container-image=/images/c.sif "
                                                  "'--container-mounts=/data,/a b:/b')")),
                                    Contains(Pair("bad_nodes", "/shared/bad"))));
}

TEST(NodeList, TakesNamesBetweenCommas) {
  EXPECT_THAT(node_list("n3,gpu-07.x", "--exclude"), ElementsAre("n3", "gpu-07.x"));
  EXPECT_TRUE(node_list("", "--exclude").empty());
  EXPECT_THROW(node_list("n1,,n2", "--exclude"), UsageError);
}

TEST(SlurmTime, IsOfDaysAndSeconds) {
  EXPECT_EQ(slurm_time(60), "0-00:01:00");
  EXPECT_EQ(slurm_time(90061), "1-01:01:01");
}

}  // namespace
}  // namespace catamaran
