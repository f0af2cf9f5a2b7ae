// Pictures that a pack holds more than once, by checksum and length: most often a mistake of the
// data, but published sets have some, so they are packed, counted and said.
//
//   RepeatedPictures repeated;
//   for (...) repeated.see(i, checksum, bytes);
//   if (repeated.count() > 0) notes.push_back(repeated.note([&](int64_t i) { return id_of(i); }));
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataio/pack_reader.h"

namespace catamaran {

class RepeatedPictures {
 public:
  void see(int64_t image, uint64_t checksum, int64_t bytes);

  int64_t count() const { return count_; }
  // A sentence with the ids of the first that repeats an earlier one, and of that one.
  std::string note(const std::function<std::string(int64_t image)>& id_of) const;

 private:
  struct Seen {
    int64_t image = 0;
    int64_t bytes = 0;
  };
  std::unordered_map<uint64_t, Seen> seen_;  // by checksum
  int64_t count_ = 0;
  int64_t first_ = 0;
  int64_t earlier_ = 0;
};

// How many pictures of a pack are the same file as an earlier one; the note about it is added where
// `notes` do not have it yet.
int64_t note_repeated(const PackReader& pack, std::vector<std::string>& notes);

}  // namespace catamaran
