#include "launch/job_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/job_templates.h"
#include "launch/program_output.h"
#include "launch/shell_words.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

JobScript script_of(const std::string& kind) {
  return {.kind = kind,
          .written_by = "Written by a test:\n  catamaran submit --name 'a\nb'",
          .options = {"--job-name=a b", "--nodes=2"},
          .environment = {"export NCCL_SOCKET_IFNAME=ib0"},
          .settings = {{"run", shell_word("/runs/a b")}, {"program", shell_list({"cat amaran"})}}};
}

TEST(JobTemplates, AreTheScriptsOfTheFolder) {
  for (const std::string& name : job_template_names())
    EXPECT_FALSE(job_template(name).empty()) << name;
  EXPECT_THAT(std::string(job_template("train.sbatch")), StartsWith("#!/bin/bash\n"));
  EXPECT_THAT(std::string(job_template("job.sh")), HasSubstr("end_job() {"));
}

TEST(JobScript, HasItsOwnHeaderAndSettingsInPlaceOfTheTemplates) {
  const std::string text = job_script_text(script_of("train"));
  EXPECT_THAT(text, StartsWith("#!/bin/bash\n"));
  EXPECT_THAT(text, HasSubstr("\n#SBATCH --job-name=a\\ b\n#SBATCH --nodes=2\n"));
  EXPECT_THAT(text, HasSubstr("\nexport NCCL_SOCKET_IFNAME=ib0\nrun='/runs/a b'\n"
                              "program=('cat amaran')\n"));
  EXPECT_THAT(text, Not(HasSubstr("#SBATCH --output=%x")));
  EXPECT_THAT(text, Not(HasSubstr("usage: sbatch")));
  EXPECT_THAT(text, Not(HasSubstr("/job.sh\"\n")));
  EXPECT_THAT(text, HasSubstr("go_on() {"));
  EXPECT_THAT(text, HasSubstr("train --config \"$config\""));
}

TEST(JobScript, AnOptionStandsBeforeTheFirstCommand) {  // after that sbatch reads no more of them
  const std::string text = job_script_text(script_of("sweep"));
  const size_t last = text.rfind("\n#SBATCH");
  for (size_t at = 0; at < last; at = text.find('\n', at) + 1)
    EXPECT_TRUE(text[at] == '#' || text[at] == '\n') << text.substr(at, 40);
}

TEST(JobScript, OfEveryKindIsBashFromTheFirstLineToTheLast) {
  for (const char* kind : {"train", "sweep", "eval"}) {
    const std::string text = job_script_text(script_of(kind));
    const ProgramOutput said = run_program({"bash", "-n", "-c", text}, 30);
    EXPECT_EQ(said.err, "") << kind;
    EXPECT_EQ(said.code, 0) << kind;
    EXPECT_THAT(text, testing::EndsWith("end_job\n"));
  }
}

TEST(JobScript, ACommandLineOfSeveralLinesStaysAComment) {
  EXPECT_THAT(job_script_text(script_of("eval")),
              HasSubstr("# Written by a test:\n#   catamaran submit --name 'a\n# b'\n"));
}

}  // namespace
}  // namespace catamaran
