#include "dataio/repeated_pictures.h"

#include <algorithm>

#include "support/text.h"

namespace catamaran {

void RepeatedPictures::see(int64_t image, uint64_t checksum, int64_t bytes) {
  const auto [earlier, added] = seen_.emplace(checksum, Seen{image, bytes});
  if (added || earlier->second.bytes != bytes) return;
  if (++count_ > 1) return;
  first_ = image;
  earlier_ = earlier->second.image;
}

std::string RepeatedPictures::note(const std::function<std::string(int64_t image)>& id_of) const {
  return text("%ld picture(s) are the same file as an earlier one (first: '%s' is '%s')", count_,
              id_of(first_).c_str(), id_of(earlier_).c_str());
}

int64_t note_repeated(const PackReader& pack, std::vector<std::string>& notes) {
  RepeatedPictures repeated;
  for (int64_t i = 0; i < pack.images(); ++i)
    repeated.see(i, pack.checksum(i), pack.image_bytes(i));
  if (repeated.count() == 0) return 0;
  const std::string note = repeated.note([&](int64_t i) { return pack.id(i); });
  if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
  return repeated.count();
}

}  // namespace catamaran
