#include "dataio/pack_check.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "dataio/image.h"
#include "support/error.h"
#include "support/hash.h"
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
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  const auto work = [&] {
    ImageDecoder decoder;
    std::vector<uint8_t> jpeg;
    for (int64_t i = next++; i < pack.images(); i = next++) {
      try {
        pack.read_jpeg(i, jpeg);
        check_size(pack, i, jpeg);
        if (options.decode) decoder.decode_whole(jpeg, pack.id(i));
      } catch (const DataError& problem) {
        const std::lock_guard lock(mutex);
        damaged.emplace_back(problem.what());
      }
      progress.advance(1);
    }
  };
  const int64_t threads =
      options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::jthread> workers;
  for (int64_t t = 1; t < threads; ++t) workers.emplace_back(work);
  work();
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
  check_images(pack, options, result.damaged);
  std::sort(result.damaged.begin(), result.damaged.end());
  return result;
}

void require_same_classes(const PackReader& first, const PackReader& second) {
  const std::vector<std::string>& a = first.manifest().classes;
  const std::vector<std::string>& b = second.manifest().classes;
  if (a == b) return;
  std::string difference =
      std::to_string(a.size()) + " and " + std::to_string(b.size()) + " classes";
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (in_a != a.end() && in_b != b.end()) {
    difference = "class " + std::to_string(in_a - a.begin()) + " is '" + *in_a + "' in one and '" +
                 *in_b + "' in the other";
  }
  throw DataError("the packs have different class lists: " + difference,
                  first.folder().string() + " and " + second.folder().string(),
                  "pack both with the same class order (--class-order, --classes)");
}

std::vector<PackOverlap> overlap(const PackReader& first, const PackReader& second) {
  std::unordered_map<uint64_t, int64_t> in_first;
  for (int64_t i = 0; i < first.images(); ++i) in_first.emplace(first.checksum(i), i);
  std::vector<PackOverlap> shared;
  for (int64_t i = 0; i < second.images(); ++i) {
    const auto found = in_first.find(second.checksum(i));
    if (found != in_first.end() && first.jpeg_bytes(found->second) == second.jpeg_bytes(i)) {
      shared.push_back({first.id(found->second), second.id(i)});
    }
  }
  return shared;
}

}  // namespace catamaran
