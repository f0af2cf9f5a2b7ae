// PictureIndex: which pictures of packs are the same one: made of the same file, or stored as the
// same bytes (two files that differ in their comments alone are, once they are written anew).
//
//   PictureIndex index;
//   index.add(pack, 3, 17);                                   // whatever number it is to have
//   if (const std::optional<size_t> same = index.find(other_pack, 5)) ...         // 17
//
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "dataio/pack_reader.h"

namespace catamaran {

class PictureIndex {
 public:
  // Of what is known already, the first stays.
  void add(const PackReader& pack, int64_t image, size_t number) {
    numbers_.emplace(pack.picture(image), number);
    numbers_.emplace(stored(pack, image), number);
  }
  std::optional<size_t> find(const PackReader& pack, int64_t image) const {
    for (const PictureKey& key : {pack.picture(image), stored(pack, image)}) {
      const auto found = numbers_.find(key);
      if (found != numbers_.end()) return found->second;
    }
    return std::nullopt;
  }

 private:
  static PictureKey stored(const PackReader& pack, int64_t image) {
    return {pack.checksum(image), pack.image_bytes(image)};
  }

  std::unordered_map<PictureKey, size_t, PictureKeyHash> numbers_;
};

}  // namespace catamaran
