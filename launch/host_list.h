// Names of hosts as Slurm writes lists of them, for messages and for `sbatch --exclude`.
//
//   host_list_text({"n08", "n09", "n10", "login"})        // "login,n[08-10]"
//
// Names that differ in a number at their end alone stand together; the number keeps its zeros.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace catamaran {

std::string host_list_text(const std::vector<std::string>& hosts);  // any order, repeated or not

}  // namespace catamaran
