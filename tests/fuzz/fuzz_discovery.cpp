// Fuzz target: any bytes as a discovery file. It is a target, whose list is read back as the same,
// or a sentence that names the file and can be printed.
#include <cstdlib>
#include <string>
#include <string_view>

#include "monitoring/discovery.h"
#include "scratch_folder.h"
#include "support/text.h"

namespace catamaran {
namespace {

bool is_alike(const DiscoveryTarget& one, const DiscoveryTarget& other) {
  return one.address == other.address && one.run == other.run &&
         one.slurm_job_id == other.slurm_job_id && one.user == other.user &&
         one.cluster == other.cluster && one.run_dir == other.run_dir;
}

void read(std::string_view bytes) {
  static const ScratchFolder folder;
  folder.write("x.json", bytes);
  const DiscoveryFolder found = read_discovery(folder.path());
  if (found.targets.size() + found.left_out.size() != 1) std::abort();
  for (const std::string& reason : found.left_out) {
    if (reason.find("x.json: ") == std::string::npos || printable(reason) != reason) std::abort();
  }
  if (found.targets.empty()) return;
  folder.write("x.json", discovery_json(found.targets));
  const DiscoveryFolder again = read_discovery(folder.path());
  if (again.targets.size() != 1 || !is_alike(found.targets[0], again.targets[0])) std::abort();
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  catamaran::read({reinterpret_cast<const char*>(data), size});
  return 0;
}
