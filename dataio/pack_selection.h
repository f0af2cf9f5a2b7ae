// Packs as input of the pack writer: all images of a pack, or a selection of them, with bytes, ids,
// sizes and checksums as they are.
//
//   const auto pack = std::make_shared<const PackReader>("packs/coco");
//   write_pack(images_of(pack), out, like(*pack, options));        // the same in other shards
//   ImportedImages few = select_images(pack, {.classes = {"cat", "dog"}, .limit = 100});
//
// Sources and notes of the pack carry on; pack.json itself, by its SHA-256, becomes a source, and
// what was selected a note. Images keep the pack's order. Errors: UsageError naming the option for
// what the pack cannot give, DataError naming file and line for a list of ids. One thread at a
// time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataio/imported_images.h"
#include "dataio/pack_writer.h"

namespace catamaran {

using SharedPack = std::shared_ptr<const PackReader>;

// Applied in this order.
struct PackSelection {
  std::filesystem::path ids{};          // file, an id a line: these alone; empty: all
  std::filesystem::path without_ids{};  // file, an id a line: not these
  std::vector<std::string> classes{};   // the new list, in its order; empty: the pack's
  bool keep_without_labels = true;      // images in which none of the classes is present
  std::optional<int64_t> limit{};       // so many, drawn by lot
  uint64_t seed = 0;
};

ImportedImages select_images(const SharedPack& pack, const PackSelection& selection);
ImportedImages images_of(const SharedPack& pack);

// `options` for images of this pack: JPEG files or squares as they are stored, never decoded.
PackWriterOptions like(const PackReader& pack, PackWriterOptions options);

// For parts of such lists.
ImportedImage image_of(const SharedPack& pack, int64_t image);
// "voc07" of "packs/voc07/".
std::string folder_name(const PackReader& pack);
// "packs/voc07 (fingerprint 0123456789abcdef)", for notes.
std::string name_with_fingerprint(const PackReader& pack);
// Sources and notes of `pack` behind those of `images`, each source once; its notes behind its name
// where they tell of other images than `images` has.
void carry_on(const PackReader& pack, bool same_images, ImportedImages& images);

}  // namespace catamaran
