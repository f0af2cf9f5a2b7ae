#include "launch/job_script.h"

#include <string_view>

#include "launch/job_templates.h"
#include "launch/shell_words.h"
#include "support/assert.h"

namespace catamaran {
namespace {

constexpr std::string_view kEndOfSettings = "# end of settings\n";
constexpr std::string_view kSource = ". \"${CATAMARAN_SLURM:-$PWD/slurm}/job.sh\"\n";
constexpr std::string_view kShell = "#!/bin/bash\n";
constexpr std::string_view kDialect = "# shellcheck shell=bash\n";  // of a file without #!

// A comment, whatever its lines are.
std::string comment(const std::string& text) {
  std::string lines = "# ";
  for (const char c : text) lines += c == '\n' ? "\n# " : std::string(1, c);
  return lines + "\n";
}

// What follows `begin`, which is in the text.
std::string_view behind(std::string_view text, std::string_view begin) {
  const size_t at = text.find(begin);
  CATAMARAN_ASSERT(at != std::string_view::npos, "the scripts of slurm/ have these lines");
  return text.substr(at + begin.size());
}

}  // namespace

std::string job_script_text(const JobScript& script) {
  std::string text(kShell);
  text += "# shellcheck disable=SC2034\n" + comment(script.written_by);
  for (const std::string& option : script.options) text += "#SBATCH " + sbatch_word(option) + "\n";
  text += "\n";
  for (const std::string& line : script.environment) text += line + "\n";
  for (const auto& [name, value] : script.settings) text += name + "=" + value + "\n";
  const std::string_view rest = behind(job_template(script.kind + ".sbatch"), kEndOfSettings);
  const size_t source = rest.find(kSource);
  CATAMARAN_ASSERT(source != std::string_view::npos, "the scripts of slurm/ read job.sh");
  text += rest.substr(0, source);
  text += behind(job_template("job.sh"), kDialect);
  text += rest.substr(source + kSource.size());
  return text;
}

}  // namespace catamaran
