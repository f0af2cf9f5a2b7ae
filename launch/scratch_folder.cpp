#include "launch/scratch_folder.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "support/error.h"

namespace catamaran {
namespace {

constexpr const char* kKey = "data.stage";

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): before threads
  if (value != nullptr && *value != '\0') return value;
  throw UsageError("the environment variable " + name + " is not set", kKey,
                   "set it, or name the folder");
}

bool is_name_part(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string scratch_folder(const std::string& given) {
  if (given == "auto") {
    for (const char* name : {"SLURM_TMPDIR", "TMPDIR"}) {
      const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before threads
      if (value != nullptr && *value != '\0') return value;
    }
    throw UsageError("auto is SLURM_TMPDIR or TMPDIR, and neither is set", kKey,
                     "name the folder of this node's scratch disk");
  }
  std::string folder;
  for (size_t at = 0; at < given.size();) {
    if (given[at] != '$') {
      folder += given[at++];
      continue;
    }
    const bool braces = at + 1 < given.size() && given[at + 1] == '{';
    const size_t begin = at + (braces ? 2 : 1);
    const auto stop = std::find_if_not(given.begin() + static_cast<std::ptrdiff_t>(begin),
                                       given.end(), is_name_part);
    const auto end = static_cast<size_t>(stop - given.begin());
    if (end == begin || (braces && (stop == given.end() || *stop != '}')))
      throw UsageError("'" + given + "' has a $ without a name", kKey, "write $NAME or ${NAME}");
    folder += variable(given.substr(begin, end - begin));
    at = end + (braces ? 1 : 0);
  }
  return folder;
}

}  // namespace catamaran
