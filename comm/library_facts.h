// The libraries that ranks talk through: what they call themselves, and whether the one that was
// found is the one that was built for.
//
//   mpi_library();                                   // "Open MPI v4.1.4"
//   pmix_library();                                  // "4.2.2"; "" where none is loaded
//   const Finding finding = judge_nccl(nccl_facts());
//
// NCCL's versions are its codes, 23007 for 2.30.7. LD_LIBRARY_PATH goes before what the program was
// linked with, so the one that is found may be another. judge_nccl is a pure function. Thread-safe;
// pmix_library once MPI is up.
#pragma once

#include <cstdint>
#include <string>

#include "support/finding.h"

namespace catamaran {

std::string mpi_library();
std::string pmix_library();

struct NcclFacts {
  bool built = false;      // into this program
  int64_t built_code = 0;  // of the header
  int64_t found_code = 0;  // of the library
  std::string problem;     // why it does not say
};
NcclFacts nccl_facts();
Finding judge_nccl(const NcclFacts& facts);
std::string nccl_version_text(int64_t code);  // "2.30.7"

}  // namespace catamaran
