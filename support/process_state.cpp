#include "support/process_state.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <string>

namespace catamaran {

ProcessState process_state(int64_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  const size_t name_ends = line.rfind(')');  // a program's name may hold anything
  if (name_ends == std::string::npos || name_ends + 2 >= line.size()) return ProcessState::kGone;
  switch (line[name_ends + 2]) {
    case 'Z':
    case 'X':
      return ProcessState::kGone;
    case 'T':
    case 't':
      return ProcessState::kStopped;
    case 'D':
      return ProcessState::kStorage;
    default:
      return ProcessState::kAlive;
  }
}

uint64_t process_namespace() {
  struct stat state {};
  return ::stat("/proc/self/ns/pid", &state) == 0 ? state.st_ino : 0;
}

}  // namespace catamaran
