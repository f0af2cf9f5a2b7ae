#include "dataio/repeated_pictures.h"

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

}  // namespace catamaran
