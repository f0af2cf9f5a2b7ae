// data.stage as a folder: environment variables are written out, and "auto" is the job's scratch
// folder.
//
//   request.options.data.stage = scratch_folder("$TMPDIR/packs");     // "/tmp/job-17/packs"
//
// "$NAME" and "${NAME}" stand for a variable; "auto" for SLURM_TMPDIR or, where that is not set,
// TMPDIR. Errors: UsageError for a variable that is not set. One thread at a time (the
// environment).
#pragma once

#include <string>

namespace catamaran {

std::string scratch_folder(const std::string& given);

}  // namespace catamaran
