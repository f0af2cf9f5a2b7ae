#include "dataio/repeated_pictures.h"

#include <algorithm>
#include <unordered_map>

#include "support/text.h"

namespace catamaran {

int64_t note_repeated(const PackReader& pack, std::vector<std::string>& notes) {
  std::unordered_map<PictureKey, int64_t, PictureKeyHash> seen;
  int64_t count = 0;
  int64_t first = 0;
  int64_t earlier = 0;
  for (int64_t i = 0; i < pack.images(); ++i) {
    const auto [same, is_new] = seen.emplace(pack.picture(i), i);
    if (is_new || ++count > 1) continue;
    first = i;
    earlier = same->second;
  }
  if (count == 0) return 0;
  const std::string note =
      text("%ld picture(s) are the same file as an earlier one (first: '%s' is '%s')", count,
           pack.id(first).c_str(), pack.id(earlier).c_str());
  if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
  return count;
}

}  // namespace catamaran
