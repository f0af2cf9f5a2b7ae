// A copy of a pack on this node's scratch disk, made once for all processes of the node, whichever
// of them comes first.
//
//   const fs::path local = stage_pack(PackReader("packs/coco14-train"), "/scratch/me", options);
//   PackReader pack(local);               // /scratch/me/catamaran-0123456789abcdef
//
// The copy's folder is named by the pack's fingerprint and appears when every shard is there and
// has the SHA-256 of pack.json; one that is there already and whole is
// taken. Processes that come while
// another copies wait for it, on a lock beside the folder that goes with its holder; where nothing
// has grown for options.patience_seconds they give up. What killed processes of this host left is
// removed. Errors: DataError for a shard that is damaged, a disk that is full, and a copy that does
// not come. Thread-safe and safe between processes.
#pragma once

#include <filesystem>

#include "dataio/pack_reader.h"

namespace catamaran {

struct StagingOptions {
  double patience_seconds = 300;
  bool progress = true;
};

std::filesystem::path stage_pack(const PackReader& pack, const std::filesystem::path& scratch,
                                 const StagingOptions& options);

}  // namespace catamaran
