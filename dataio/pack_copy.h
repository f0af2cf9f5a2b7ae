// Copies the files of a pack into a folder, on threads of its own, and compares each shard with the
// SHA-256 of pack.json.
//
//   copy_pack_files(PackReader("packs/coco14-train"), folder, {.timeout_seconds = 600});
//
// Returns when all is there. Nobody can end a read that stalls: where nothing has moved for
// timeout_seconds it is a DataError that names host and files, and the threads concerned are left
// alone, to end with their read or with the process; they write nothing more. Files are not made
// durable. Errors: DataError, also for a shard that is damaged, a disk that is full, and a wish to
// stop. Thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "dataio/pack_reader.h"
#include "support/error.h"

namespace catamaran {

// The copy has come to a stand: a read or a write of it may still hang.
class CopyStalled : public DataError {
  using DataError::DataError;
};

struct PackCopyOptions {
  double timeout_seconds = 600;  // without a byte more; 0: never
  bool progress = true;
  std::stop_token stop = {};
  std::function<void()> moved =
      {};  // called now and then while bytes are read, written or compared
};

void copy_pack_files(const PackReader& pack, const std::filesystem::path& folder,
                     const PackCopyOptions& options);

}  // namespace catamaran
