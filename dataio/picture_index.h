// PictureIndex: which pictures of packs are the same one: made of the same file, or stored as the
// same bytes (two files that differ in their comments alone are, once they are written anew).
//
//   PictureIndex index;
//   index.add(pack, 3, 17);                                   // whatever number it is to have
//   if (const std::optional<size_t> same = index.find(other_pack, 5)) ...         // 17
//
// One thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "dataio/pack_reader.h"

namespace catamaran {

// What a picture is known by: its file, and its stored bytes.
inline std::array<PictureKey, 2> keys_of(const PackReader& pack, int64_t image) {
  return {pack.picture(image), {pack.checksum(image), pack.image_bytes(image)}};
}
inline bool is_same_picture(const PackReader& a, int64_t image_of_a, const PackReader& b,
                            int64_t image_of_b) {
  const std::array<PictureKey, 2> keys = keys_of(b, image_of_b);
  return std::ranges::any_of(keys_of(a, image_of_a), [&](const PictureKey& key) {
    return key == keys[0] || key == keys[1];
  });
}

class PictureIndex {
 public:
  // Of what is known already, the first stays.
  void add(const PackReader& pack, int64_t image, size_t number) {
    for (const PictureKey& key : keys_of(pack, image)) numbers_.emplace(key, number);
  }
  std::optional<size_t> find(const PackReader& pack, int64_t image) const {
    for (const PictureKey& key : keys_of(pack, image)) {
      const auto found = numbers_.find(key);
      if (found != numbers_.end()) return found->second;
    }
    return std::nullopt;
  }

 private:
  std::unordered_map<PictureKey, size_t, PictureKeyHash> numbers_;
};

}  // namespace catamaran
