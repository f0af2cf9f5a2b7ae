#include "launch/rank_processes.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace catamaran {
namespace {

namespace fs = std::filesystem;

struct Process {
  pid_t parent = 0;
  uint64_t caught = 0;  // bit n - 1: signal n has a handler
};

Process read_status(const fs::path& folder) {
  Process process;
  std::ifstream status(folder / "status");
  for (std::string line; std::getline(status, line);) {
    const size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const char* value = line.data() + tab + 1;
    const char* end = line.data() + line.size();
    if (line.starts_with("PPid:")) std::from_chars(value, end, process.parent);
    if (line.starts_with("SigCgt:")) std::from_chars(value, end, process.caught, 16);
  }
  return process;
}

std::map<pid_t, Process> all_processes() {
  std::map<pid_t, Process> processes;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", code)) {
    const std::string name = entry.path().filename().string();
    pid_t number = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (problem == std::errc() && end == name.data() + name.size())
      processes[number] = read_status(entry.path());
  }
  return processes;
}

bool descends(const std::map<pid_t, Process>& processes, pid_t process, pid_t ancestor) {
  for (size_t steps = 0; steps < processes.size(); ++steps) {
    const auto found = processes.find(process);
    if (found == processes.end()) return false;
    process = found->second.parent;
    if (process == ancestor) return true;
  }
  return false;
}

bool runs(pid_t process, const fs::path& program) {
  std::error_code code;
  return fs::read_symlink("/proc/" + std::to_string(process) + "/exe", code) == program;
}

}  // namespace

int64_t ranks_catching(pid_t ancestor, int signal) {
  std::error_code code;
  const fs::path self = fs::read_symlink("/proc/self/exe", code);
  const std::map<pid_t, Process> processes = all_processes();
  const uint64_t bit = uint64_t{1} << (signal - 1);
  return std::ranges::count_if(processes, [&](const auto& item) {
    return (item.second.caught & bit) != 0 && descends(processes, item.first, ancestor) &&
           runs(item.first, self);
  });
}

}  // namespace catamaran
