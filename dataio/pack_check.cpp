#include "dataio/pack_check.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "dataio/image.h"
#include "dataio/repeated_pictures.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/parallel_for.h"
#include "support/progress.h"
#include "support/text.h"

namespace catamaran {
namespace {

void check_size(const PackReader& pack, int64_t image, const std::vector<uint8_t>& jpeg) {
  const ImageSize told = pack.size(image);
  const ImageSize found = read_jpeg_size(jpeg, pack.id(image));
  if (told.height == found.height && told.width == found.width) return;
  throw DataError(text("image '%s' is %d x %d pixels (height x width), '/size' says %d x %d",
                       pack.id(image).c_str(), found.height, found.width, told.height, told.width),
                  pack.folder().string(), "pack the data again");
}

void check_images(const PackReader& pack, const PackCheckOptions& options,
                  std::vector<std::string>& damaged) {
  Progress progress("checking", pack.images(), "images", options.progress);
  std::mutex mutex;
  parallel_for(pack.images(), threads_or_cores(options.threads), [&] {
    return [&, decoder = ImageDecoder(), jpeg = std::vector<uint8_t>()](int64_t i) mutable {
      try {
        pack.read_image(i, jpeg);
        if (pack.pixels() > 0) return progress.advance(1);  // their size is the pack's
        check_size(pack, i, jpeg);
        if (options.decode) decoder.verify(jpeg, pack.id(i));
      } catch (const DataError& problem) {
        const std::lock_guard lock(mutex);
        damaged.emplace_back(problem.what());
      }
      progress.advance(1);
    };
  });
}

void compare_counts(const std::string& which, const std::vector<int64_t>& told,
                    const std::vector<int64_t>& found, const PackReader& pack,
                    std::vector<std::string>& damaged) {
  for (size_t c = 0; c < found.size(); ++c) {
    if (told[c] == found[c]) continue;
    damaged.push_back(text("%s: pack.json says %ld images with class '%s' %s, the shards hold %ld",
                           pack.folder().c_str(), told[c], pack.manifest().classes[c].c_str(),
                           which.c_str(), found[c]));
  }
}

void count_again(const PackReader& pack, PackCheck& result) {
  result.positives.assign(pack.manifest().classes.size(), 0);
  result.ignored.assign(pack.manifest().classes.size(), 0);
  for (int64_t i = 0; i < pack.images(); ++i)
    count_labels(pack.labels(i), result.positives, result.ignored);
  compare_counts("present", pack.manifest().positives, result.positives, pack, result.damaged);
  compare_counts("ignored", pack.manifest().ignored, result.ignored, pack, result.damaged);
}

void count_repeated(const PackReader& pack, PackCheck& result) {
  RepeatedPictures repeated;
  for (int64_t i = 0; i < pack.images(); ++i)
    repeated.see(i, pack.checksum(i), pack.image_bytes(i));
  result.repeated = repeated.count();
  if (repeated.count() == 0) return;
  const std::string note = repeated.note([&](int64_t i) { return pack.id(i); });
  std::vector<std::string>& notes = result.manifest.notes;  // packing has said it already, mostly
  if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
}

}  // namespace

PackCheck check_pack(const std::filesystem::path& folder, const PackCheckOptions& options) {
  const PackReader pack(folder);
  PackCheck result;
  result.manifest = pack.manifest();
  result.fingerprint = pack.fingerprint();
  for (const ShardInfo& shard : pack.manifest().shards) {
    if (sha256_of_file(folder / shard.file) != shard.sha256) {
      result.damaged.push_back((folder / shard.file).string() +
                               ": its SHA-256 is not the one in pack.json");
    }
  }
  count_again(pack, result);
  count_repeated(pack, result);
  check_images(pack, options, result.damaged);
  std::sort(result.damaged.begin(), result.damaged.end());
  return result;
}

void require_same_classes(const PackReader& first, const PackReader& second) {
  const std::vector<std::string>& a = first.manifest().classes;
  const std::vector<std::string>& b = second.manifest().classes;
  if (a == b) return;
  throw DataError("the packs have different class lists: " + first_difference(a, b),
                  first.folder().string() + " and " + second.folder().string(),
                  "pack both with the same class order (--class-order, --classes)");
}

std::vector<PackOverlap> overlap(const PackReader& first, const PackReader& second) {
  std::unordered_map<uint64_t, int64_t> in_first;
  for (int64_t i = 0; i < first.images(); ++i) in_first.emplace(first.checksum(i), i);
  std::vector<PackOverlap> shared;
  for (int64_t i = 0; i < second.images(); ++i) {
    const auto found = in_first.find(second.checksum(i));
    if (found != in_first.end() && first.image_bytes(found->second) == second.image_bytes(i)) {
      shared.push_back({first.id(found->second), second.id(i)});
    }
  }
  return shared;
}

}  // namespace catamaran
