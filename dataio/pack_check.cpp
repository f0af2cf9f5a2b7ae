#include "dataio/pack_check.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "dataio/image.h"
#include "dataio/near_duplicates.h"
#include "dataio/picture_index.h"
#include "dataio/repeated_pictures.h"
#include "dataio/sample_maker.h"
#include "support/clock.h"
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

// What is found wrong, from any thread.
class Damages {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    list_.push_back(what);
  }
  std::vector<std::string> sorted() {
    std::sort(list_.begin(), list_.end());
    return std::move(list_);
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> list_;
};

// What one thread keeps from task to task.
class Checker {
 public:
  Checker(const PackReader& pack, bool decode, Damages& damages)
      : pack_(pack), decode_(decode), damages_(damages) {}

  void check_shard(const ShardInfo& shard) {
    const std::filesystem::path file = pack_.folder() / shard.file;
    try {
      if (sha256_of_file(file) != shard.sha256)
        damages_.add(file.string() + ": its SHA-256 is not the one in pack.json");
    } catch (const DataError& problem) {  // a sector that cannot be read
      damages_.add(problem.what());
    }
  }
  void check_image(int64_t image) {
    try {
      pack_.read_image(image, bytes_);
      if (pack_.pixels() > 0) return;  // their size is the pack's
      check_size(pack_, image, bytes_);
      if (decode_) decoder_.verify(bytes_, pack_.id(image));
    } catch (const DataError& problem) {
      damages_.add(problem.what());
    }
  }

 private:
  const PackReader& pack_;
  bool decode_;
  Damages& damages_;
  ImageDecoder decoder_;
  std::vector<uint8_t> bytes_;
};

// Shards come first: hashing one takes the longest.
void check_bytes(const PackReader& pack, const PackCheckOptions& options, Damages& damages) {
  const std::vector<ShardInfo>& all = pack.manifest().shards;
  const int64_t shards = options.quick ? 0 : std::ssize(all);
  Progress progress("checking", shards + pack.images(), "shards and images", options.progress);
  parallel_for(shards + pack.images(), threads_or_cores(options.threads), [&] {
    return [&, checker = Checker(pack, options.decode, damages)](int64_t i) mutable {
      if (i < shards) {
        checker.check_shard(all[static_cast<size_t>(i)]);
      } else {
        checker.check_image(i - shards);
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

}  // namespace

PackCheck check_pack(const std::filesystem::path& folder, const PackCheckOptions& options) {
  return check_pack(PackReader(folder), options);
}

PackCheck check_pack(const PackReader& pack, const PackCheckOptions& options) {
  const Stopwatch watch;
  PackCheck result;
  result.manifest = pack.manifest();
  result.fingerprint = pack.fingerprint();
  for (const ShardInfo& shard : pack.manifest().shards) result.bytes += shard.bytes;
  count_again(pack, result);
  result.repeated = note_repeated(pack, result.manifest.notes);
  Damages damages;
  check_bytes(pack, options, damages);
  for (std::string& damage : damages.sorted()) result.damaged.push_back(std::move(damage));
  result.seconds = watch.seconds();
  return result;
}

std::vector<uint64_t> perceptual_hashes(const PackReader& pack, int64_t threads, bool progress) {
  std::vector<uint64_t> hashes(static_cast<size_t>(pack.images()));
  Progress shown("looking at", pack.images(), "images", progress);
  ImageCache cache(pack, 0);
  SampleOptions options;
  options.size = kHashSide;
  parallel_for(pack.images(), threads_or_cores(threads), [&] {
    return [&, maker = SampleMaker(pack, cache, options),
            square = std::vector<uint8_t>(kHashSide * kHashSide * 3)](int64_t i) mutable {
      maker.make({.epoch = 0, .index = i}, square.data());
      hashes[static_cast<size_t>(i)] = perceptual_hash(square);
      shown.advance(1);
    };
  });
  return hashes;
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
  PictureIndex in_first;
  for (int64_t i = 0; i < first.images(); ++i) in_first.add(first, i, static_cast<size_t>(i));
  std::vector<PackOverlap> shared;
  for (int64_t i = 0; i < second.images(); ++i) {
    if (const std::optional<size_t> found = in_first.find(second, i))
      shared.push_back({first.id(static_cast<int64_t>(*found)), second.id(i)});
  }
  return shared;
}

}  // namespace catamaran
