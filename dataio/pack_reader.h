// PackReader: a pack opened for training. The constructor reads and validates everything except the
// image bytes (manifest, shard sizes, layouts, offsets, labels, ids), so that a damaged pack is
// refused before the first step; image bytes are then read by pread at the data set's file offset
// and checked against their checksum, with no HDF5 call and no lock.
//
//   PackReader pack("packs/voc07-trainval");
//   std::vector<uint8_t> bytes;
//   pack.read_image(17, bytes);                 // a JPEG file, or pixels() x pixels() of RGB
//
// A copy is cheap: it shares what was opened, and keeps it open. Errors: DataError naming file,
// data set and image. The constructor: one thread at a time. All else: Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataio/pack.h"
#include "dataio/pixel_window.h"
#include "support/file_descriptor.h"

namespace catamaran {

// What two images have in common that were made of the same file.
struct PictureKey {
  uint64_t checksum = 0;
  int64_t bytes = 0;

  bool operator==(const PictureKey&) const = default;
};
struct PictureKeyHash {
  size_t operator()(const PictureKey& key) const { return static_cast<size_t>(key.checksum); }
};

class PackReader {
 public:
  explicit PackReader(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return opened_->folder; }
  const PackManifest& manifest() const { return opened_->manifest; }
  int64_t images() const { return manifest().images; }
  int64_t classes() const { return static_cast<int64_t>(manifest().classes.size()); }

  std::span<const int8_t> labels(int64_t image) const;  // L values in {1, 0, -1}
  const std::string& id(int64_t image) const;
  ImageSize size(int64_t image) const;                  // of the image that was packed
  ImageSize stored_size(int64_t image) const;           // of what read_image() gives
  int64_t pixels() const { return manifest().pixels; }  // side; 0: the pack holds JPEG files
  uint64_t checksum(int64_t image) const;               // XXH3 of the stored bytes
  int64_t image_bytes(int64_t image) const;             // stored
  // Of its file: the stored bytes themselves, or what they were made of where the pack says that.
  PictureKey picture(int64_t image) const;
  // Replaces the content of `into` by the stored bytes; its capacity is reused.
  void read_image(int64_t image, std::vector<uint8_t>& into) const;
  // XXH3 over class names, labels and image checksums: names the content whatever the sharding.
  const std::string& fingerprint() const { return opened_->fingerprint; }

 private:
  struct Shard {
    std::filesystem::path path;
    FileDescriptor file;
    int64_t first_image = 0;
    int64_t bytes_at = 0;           // file offset of /jpeg/bytes or /pixels
    std::vector<uint64_t> offsets;  // n + 1; none in a pixel pack
  };
  struct Opened {
    std::filesystem::path folder;
    PackManifest manifest;
    std::vector<Shard> shards;
    std::vector<int8_t> labels;  // images x L
    std::vector<std::string> ids;
    std::vector<ImageSize> sizes;
    std::vector<uint64_t> checksums;
    std::vector<PictureKey> files;  // none: the stored bytes are the files'
    std::string fingerprint;
  };
  struct Place {
    int64_t at = 0;  // file offset
    int64_t bytes = 0;
  };
  static std::shared_ptr<const Opened> open(std::filesystem::path folder);
  Place place_of(const Shard& shard, int64_t image) const;
  const Shard& shard_of(int64_t image) const;

  std::shared_ptr<const Opened> opened_;
};

}  // namespace catamaran
