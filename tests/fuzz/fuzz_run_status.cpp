// Fuzz target: any bytes as the files of a run directory, one behind the other with a NUL between
// them. Whatever they are, a status is told, and it can be printed.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "monitoring/log_follower.h"
#include "monitoring/run_status.h"
#include "monitoring/run_status_json.h"
#include "scratch_folder.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr std::array<const char*, 9> kFiles = {
    "manifest.json", "metrics.jsonl",      "log.jsonl",
    "failure.json",  "checkpoints/latest", "checkpoints/step-00000007/state.json",
    "lock",          "config.toml",        "eval/epoch-0001.json"};

void read(std::string_view bytes) {
  static const ScratchFolder folder;
  for (const char* name : kFiles) {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    folder.write(name, bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  const RunStatus status = read_run_status(folder.path());
  if (!phase_named(phase_name(status.phase))) std::abort();
  for (const std::string* text : {&status.name, &status.reason, &status.host, &status.job_id}) {
    if (*text != printable(*text)) std::abort();
  }
  const nlohmann::ordered_json json = run_status_json(status);
  json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  LogFollower(folder.path() / "log.jsonl", 5).take();
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  catamaran::read({reinterpret_cast<const char*>(data), size});
  return 0;
}
