// ShardWriter: one shard file, its images' bytes written as they come, so that no shard is held in
// memory; the small data sets are kept until the end.
//
//   ShardWriter shard(folder / shard_name(0), classes, {.images = 100, .bytes = 12345678});
//   for (...) shard.add(imported, packed);                     // as many as announced, in order
//   ShardInfo info = shard.finish();                           // durable, with its SHA-256
//
// An extent that is not known beforehand (kUnknownBytes) costs writing the bytes twice: HDF5 fixes
// it when the data set is made. Until finish() the file has ".part" behind its name, and goes with
// a ShardWriter that is not finished. Errors: DataError; another number of images or bytes than
// announced is a mistake of the caller. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dataio/hdf5.h"
#include "dataio/pack.h"
#include "dataio/packed_image.h"
#include "support/scratch_file.h"

namespace catamaran {

constexpr int64_t kUnknownBytes = -1;

struct ShardShape {
  int64_t images = 0;
  int64_t bytes = 0;   // of JPEG files, or kUnknownBytes
  int64_t pixels = 0;  // side of the images; 0: JPEG files
  bool files = false;  // with /file
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
  bool waits() const { return scratch_.has_value(); }
  void make_set();
  void write_bytes(int64_t at, const uint8_t* bytes, int64_t count);
  void write_waiting();

  std::filesystem::path path_;  // with .part
  std::filesystem::path target_;
  std::vector<std::string> classes_;
  ShardShape shape_;
  H5File file_;
  H5Set bytes_;
  std::optional<ScratchFile> scratch_;  // the bytes, until their number is known
  std::vector<uint64_t> offsets_ = {0};
  std::vector<int8_t> labels_;
  std::vector<int32_t> sizes_;
  std::vector<uint64_t> checksums_;
  std::vector<uint64_t> files_;  // checksum and length of each
  std::vector<std::string> ids_;
};

}  // namespace catamaran
