#include "dataio/repeated_pictures.h"

#include <algorithm>
#include <optional>

#include "dataio/picture_index.h"
#include "support/text.h"

namespace catamaran {

int64_t note_repeated(const PackReader& pack, std::vector<std::string>& notes) {
  PictureIndex seen;
  int64_t count = 0;
  int64_t first = 0;
  int64_t earlier = 0;
  for (int64_t i = 0; i < pack.images(); ++i) {
    const std::optional<size_t> same = seen.find(pack, i);
    seen.add(pack, i, same.value_or(static_cast<size_t>(i)));
    if (!same || ++count > 1) continue;
    first = i;
    earlier = static_cast<int64_t>(*same);
  }
  if (count == 0) return 0;
  const std::string note =
      text("%ld picture(s) are the same file as an earlier one (first: '%s' is '%s')", count,
           pack.id(first).c_str(), pack.id(earlier).c_str());
  if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
  return count;
}

}  // namespace catamaran
