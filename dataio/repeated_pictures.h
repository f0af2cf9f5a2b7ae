// Pictures that a pack holds more than once: most often a mistake of the data, but published sets
// have some, so they are packed, counted and said. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/pack_reader.h"

namespace catamaran {

// How many pictures of a pack are the same file as an earlier one; the note about it, with the ids
// of the first such pair, is added where `notes` do not have it yet.
int64_t note_repeated(const PackReader& pack, std::vector<std::string>& notes);

}  // namespace catamaran
