// ShardWriter: one shard file, its images' bytes written as they come, so that no shard is held in
// memory; the small data sets are kept until the end.
//
//   ShardWriter shard(folder / shard_name(0), classes, {.images = 100, .bytes = 12345678});
//   for (...) shard.add(imported, packed);                     // as many as announced, in order
//   ShardInfo info = shard.finish();                           // durable, with its SHA-256
//
// Until finish() the file has ".part" behind its name, and goes with a ShardWriter that is not
// finished. Errors: DataError; another number of images or bytes than
// announced is a mistake of the caller. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dataio/hdf5.h"
#include "dataio/pack.h"
#include "dataio/packed_image.h"

namespace catamaran {

struct ShardShape {
  int64_t images = 0;
  int64_t bytes = 0;   // of JPEG files
  int64_t pixels = 0;  // side of the images; 0: JPEG files
};

// "shard-00000.h5"
std::string shard_name(int64_t number);

class ShardWriter {
 public:
  ShardWriter(std::filesystem::path path, std::vector<std::string> classes, ShardShape shape);

  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;
  ~ShardWriter();

  void add(const ImportedImage& image, const PackedImage& packed);
  ShardInfo finish();

 private:
  std::filesystem::path path_;  // with .part
  std::filesystem::path target_;
  std::vector<std::string> classes_;
  ShardShape shape_;
  H5File file_;
  H5Set bytes_;
  std::vector<uint64_t> offsets_ = {0};
  std::vector<int8_t> labels_;
  std::vector<int32_t> sizes_;
  std::vector<uint64_t> checksums_;
  std::vector<std::string> ids_;
};

}  // namespace catamaran
