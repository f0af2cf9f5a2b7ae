// Packs put behind one another as one list of images, with bytes, sizes and checksums as they are.
//
//   ImportedImages all = merge_packs({voc07, voc12}, {.classes_union = true});
//   write_pack(all, "packs/voc0712", like(*voc07, options));
//
// Classes: the same list in the same order, or classes_union: those of the first pack, then the new
// ones of the others as they come. What a pack says nothing of is ignored (0) in its images, or
// absent (-1) with missing_absent.
// An image of an earlier pack (the same bytes: checksum and length) counts once where the labels
// that both packs have agree, and takes what only one of them has; else it is an error, with all
// others of the kind. What one pack holds twice stays twice.
// Ids stay as they are. Two packs' images with the same id are an error; prefix_ids writes each
// pack's folder name before its ids.
//
// Errors: DataError. One thread at a time.
#pragma once

#include <vector>

#include "dataio/pack_selection.h"

namespace catamaran {

struct MergeOptions {
  bool classes_union = false;
  bool missing_absent = false;
  bool prefix_ids = false;
};

ImportedImages merge_packs(const std::vector<SharedPack>& packs, const MergeOptions& options);

}  // namespace catamaran
