#include "launch/slurm_client.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "launch/program_output.h"
#include "support/error.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kPatience = 30;         // seconds for a question
constexpr double kSubmitPatience = 300;  // sbatch waits by itself while the controller is busy
constexpr const char* kForgotten = "Invalid job id";
constexpr int64_t kUsualArraySize = 1001;

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string first_line(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  return printable(line.empty() ? "it said nothing" : line);
}

[[noreturn]] void refuse(const std::string& program, const ProgramOutput& said) {
  if (said.timed_out)
    throw UsageError(text("no answer within %.0f s", kPatience), program,
                     "is the controller busy or down? `scontrol ping` tells; try again later");
  throw UsageError(first_line(said.err.empty() ? said.out : said.err), program,
                   "`scontrol ping` tells whether the controller is up");
}

ProgramOutput ask(const std::vector<std::string>& words) {
  ProgramOutput said = run_program(words, kPatience);
  if (!said.found)
    throw UsageError("it is not on PATH, and sbatch is", words.front(),
                     "load the whole of Slurm's commands");
  return said;
}

std::string joined(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ",") + word;
  return list;
}

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = code == std::errc() && end == text.data() + text.size() && number >= 0;
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

void SlurmClient::require_sbatch() const {
  if (run_program({"sbatch", "--version"}, kPatience).found) return;
  throw UsageError("there is no Slurm here: sbatch is not on PATH", "submit",
                   "log in to a node of the cluster, or load Slurm; --dry-run prints the script, "
                   "and `catamaran train --ranks N` trains on this machine");
}

void SlurmClient::require_mpi(const std::string& kind) const {
  const ProgramOutput said = ask({"srun", "--mpi=list"});
  const std::vector<std::string> kinds = parse_mpi_kinds(said.out + "\n" + said.err);
  if (std::ranges::find(kinds, kind) != kinds.end()) return;
  if (kinds.empty()) refuse("srun --mpi=list", said);
  throw UsageError("this Slurm has no " + kind + ": srun knows " + joined(kinds), "launch.mpi",
                   "set launch.launcher = \"mpirun\" in the site file, or ask your administrators "
                   "for Slurm's PMIx plugin");
}

std::map<std::string, std::string> SlurmClient::states_of(
    const std::vector<std::string>& jobs) const {
  std::map<std::string, std::string> states;
  std::set<std::string> arrays;  // asked for as a whole: there may be thousands of tasks
  for (const std::string& job : jobs) {
    if (is_job_number(job)) arrays.insert(job.substr(0, job.find('_')));
  }
  if (arrays.empty()) return states;
  const ProgramOutput said = ask({"squeue", "--noheader", "--array", "--jobs",
                                  joined({arrays.begin(), arrays.end()}), "--format", "%i %T"});
  const bool forgotten = said.err.find(kForgotten) != std::string::npos;
  if (!said.ok() && !forgotten) refuse("squeue", said);
  std::istringstream lines(said.out);
  for (std::string job, state; lines >> job >> state;) {
    if (std::ranges::find(jobs, job) != jobs.end()) states[job] = state;
  }
  return states;
}

std::optional<int64_t> SlurmClient::time_limit_of(const std::string& partition) const {
  std::vector<std::string> words = {"sinfo", "--noheader", "--format", "%P %l"};
  if (!partition.empty()) words.insert(words.end(), {"--partition", partition});
  const ProgramOutput said = run_program(words, kPatience);
  if (!said.ok()) return std::nullopt;
  std::istringstream lines(said.out);
  for (std::string name, limit; lines >> name >> limit;) {
    const bool is_default = name.ends_with('*');
    if (is_default) name.pop_back();
    if (partition.empty() ? is_default : name == partition) return parse_slurm_seconds(limit);
  }
  return std::nullopt;
}

int64_t SlurmClient::max_array_size() const {
  const ProgramOutput said = ask({"scontrol", "show", "config"});
  if (!said.ok()) refuse("scontrol show config", said);
  return parse_max_array_size(said.out).value_or(kUsualArraySize);
}

std::vector<std::string> SlurmClient::nodes_named(const std::vector<std::string>& names,
                                                  std::vector<std::string>& unknown) const {
  if (names.empty()) return {};
  const ProgramOutput said = ask({"sinfo", "--noheader", "--Node", "--format", "%N %n"});
  if (!said.ok()) refuse("sinfo", said);
  std::map<std::string, std::string> known;  // by every name
  std::istringstream lines(said.out);
  for (std::string node, host; lines >> node >> host;) {
    known.emplace(node, node);
    known.emplace(host, node);
    known.emplace(host.substr(0, host.find('.')), node);
  }
  std::set<std::string> nodes;
  for (const std::string& name : names) {
    auto found = known.find(name);
    if (found == known.end()) found = known.find(name.substr(0, name.find('.')));
    if (found == known.end()) {
      unknown.push_back(name);
    } else {
      nodes.insert(found->second);
    }
  }
  return {nodes.begin(), nodes.end()};
}

std::string SlurmClient::submit(const std::vector<std::string>& sbatch) const {
  const ProgramOutput said = run_program(sbatch, kSubmitPatience);
  if (!said.found) require_sbatch();
  if (said.timed_out)
    throw UsageError(text("no answer within %.0f s", kSubmitPatience), "sbatch",
                     "look with `squeue --me` whether the job is there all the same, and "
                     "`scancel` it before you try again");
  if (!said.ok()) {
    std::string sentence = printable(said.err.empty() ? said.out : said.err);
    while (sentence.ends_with('\n')) sentence.pop_back();
    std::ranges::replace(sentence, '\n', ' ');
    throw UsageError(sentence.empty() ? text("it ended with code %d", said.code) : sentence,
                     "sbatch", "nothing was submitted, and nothing is left in the run directory");
  }
  // A site may have a word for whom it lets in.
  if (!said.err.empty()) log::info("sbatch: " + printable(said.err));
  if (const std::optional<std::string> job = parse_job_number(said.out)) return *job;
  throw UsageError("it said '" + first_line(said.out) + "', and no job's number", "sbatch",
                   "look with `squeue --me` whether the job is there, and `scancel` it");
}

void SlurmClient::cancel(const std::string& job) const noexcept {
  try {
    const ProgramOutput said = run_program({"scancel", job}, kPatience);
    if (!said.ok()) log::warn("job " + job + " could not be cancelled: `scancel " + job + "`");
  } catch (...) {
    log::warn("job " + job + " could not be cancelled: `scancel " + job + "`");
  }
}

std::vector<std::string> parse_mpi_kinds(std::string_view srun_says) {
  std::vector<std::string> kinds;
  std::istringstream lines{std::string(srun_says)};
  // A kind a line, indented, or behind "srun: " in old versions; sentences have more words.
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> words = words_of(line);
    if (!words.empty() && words.front() == "srun:") words.erase(words.begin());
    if (words.size() == 1 && !words.front().ends_with(':') && !words.front().ends_with('.'))
      kinds.push_back(words.front());
    // "specific pmix plugin versions available: pmix_v4,pmix_v3"
    if (words.size() > 1 && words.back().starts_with("pmix_")) {
      std::istringstream list(words.back());
      for (std::string one; std::getline(list, one, ',');) kinds.push_back(one);
    }
  }
  return kinds;
}

std::optional<int64_t> parse_slurm_seconds(std::string_view time) {
  int64_t days = 0;
  const size_t dash = time.find('-');
  if (dash != std::string_view::npos) {
    const std::optional<int64_t> number = whole_number(time.substr(0, dash));
    if (!number) return std::nullopt;
    days = *number;
    time.remove_prefix(dash + 1);
  }
  std::vector<int64_t> parts;
  while (parts.size() < 3) {
    const size_t colon = std::min(time.find(':'), time.size());
    const std::optional<int64_t> number = whole_number(time.substr(0, colon));
    if (!number) return std::nullopt;
    parts.push_back(*number);
    if (colon == time.size()) break;
    time.remove_prefix(colon + 1);
    if (parts.size() == 3) return std::nullopt;
  }
  constexpr int64_t kDay = 86400;
  constexpr int64_t kHour = 3600;
  constexpr int64_t kMinute = 60;
  const size_t count = parts.size();
  parts.resize(3);
  if (dash != std::string_view::npos || count == 3)  // days-hours:minutes:seconds
    return days * kDay + parts[0] * kHour + parts[1] * kMinute + parts[2];
  return parts[0] * kMinute + parts[1];  // minutes:seconds, or minutes
}

std::optional<int64_t> parse_max_array_size(std::string_view scontrol_says) {
  std::istringstream lines{std::string(scontrol_says)};
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() >= 3 && words[0] == "MaxArraySize" && words[1] == "=")
      return whole_number(words[2]);
  }
  return std::nullopt;
}

std::optional<std::string> parse_job_number(std::string_view sbatch_says) {
  std::string number;
  for (const std::string& word : words_of(sbatch_says)) number = word.substr(0, word.find(';'));
  return is_job_number(number) && number.find('_') == std::string::npos ? std::optional(number)
                                                                        : std::nullopt;
}

bool is_job_number(std::string_view job) {
  const size_t bar = job.find('_');
  const auto is_number = [](std::string_view part) {
    return !part.empty() && part.size() <= 10 &&
           part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return is_number(job.substr(0, bar)) &&
         (bar == std::string_view::npos || is_number(job.substr(bar + 1)));
}

}  // namespace catamaran
