// The run directory's storage between ranks: what rank 0 writes there the others have to read,
// soon, and a lock that it holds has to keep them out.
//
//   const SharedProbe probe(run_dir);                       // rank 0: a file, and a lock on
//   another const std::string told = ... probe.ticket() ...         // to all ranks for (const
//   Finding& finding : look_for(told)) ...       // on the others
//
// Files are in a folder of their own, which is gone with the probe. look_for waits for
// kLookSeconds, as NFS remembers for some seconds what was not there; it may hang longer
// (support/bounded_call.h). Errors: Error of kUsage where rank 0 cannot write. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/atomic_file.h"
#include "support/file_descriptor.h"
#include "support/finding.h"

namespace catamaran {

class SharedProbe {
 public:
  explicit SharedProbe(const std::filesystem::path& run_dir);
  // What another rank has to know: JSON.
  std::string ticket() const;

 private:
  AtomicDirectory folder_;
  FileDescriptor lock_;
  bool has_locks_ = false;
  std::string content_;
};

constexpr double kLookSeconds = 10;
std::vector<Finding> look_for(const std::string& ticket, double seconds = kLookSeconds);

}  // namespace catamaran
