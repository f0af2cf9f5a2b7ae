// A copy of a pack on this node's scratch disk, made once for all processes of the node, whichever
// of them comes first.
//
//   const fs::path local = stage_pack(PackReader("packs/coco14-train"), "/scratch/me", options);
//   PackReader pack(local);               // /scratch/me/catamaran-0123456789abcdef
//
// The copy's folder is named by the checksum of pack.json, which names every byte, and appears when
// every shard is there and has the SHA-256 of pack.json (dataio/pack_copy.h). One that is there
// already is taken if it is whole and was made since this machine started: nothing is made durable,
// so what a crash has left is copied again. Processes that come while another copies wait for it,
// on a lock beside the folder that goes with its holder, for patience_seconds without a byte more.
// What killed processes left is removed: the lock of a copy, not the number of a process, tells
// whether somebody is at it, so containers that share a host's name may share a scratch disk.
// Errors: DataError for a shard that is damaged, a disk that is full, a copy that stalls or does
// not come, and a wish to stop. Thread-safe and safe between processes.
#pragma once

#include <filesystem>
#include <stop_token>

#include "dataio/pack_reader.h"

namespace catamaran {

struct StagingOptions {
  double timeout_seconds = 600;   // of a copy without a byte more; 0: never
  double patience_seconds = 630;  // of another process's, which is to speak first; 0: never
  bool progress = true;
  std::stop_token stop = {};  // breaks it off
};

// Where its copy is, or would be.
std::filesystem::path staged_path(const PackReader& pack, const std::filesystem::path& scratch);

std::filesystem::path stage_pack(const PackReader& pack, const std::filesystem::path& scratch,
                                 const StagingOptions& options);

}  // namespace catamaran
