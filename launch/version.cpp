#include "launch/version.h"

#include <cstdlib>

#include "trainer/api.h"

namespace catamaran {

const char* version() { return CATAMARAN_VERSION; }
const char* git_id() { return CATAMARAN_GIT; }

std::string version_text() {
  return std::string("catamaran ") + version() + " (" + git_id() + "), " +
         versions_text(library_versions());
}

int rank_from_environment() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}) {
    if (const char* text = std::getenv(name)) return std::atoi(text);
  }
  return -1;
}

}  // namespace catamaran
