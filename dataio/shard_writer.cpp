#include "dataio/shard_writer.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "support/assert.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr std::ptrdiff_t kPieceBytes = std::ptrdiff_t{4} << 20;

}  // namespace

std::string shard_name(int64_t number) { return text("shard-%05ld.h5", number); }

ShardWriter::ShardWriter(std::filesystem::path path, std::vector<std::string> classes,
                         ShardShape shape)
    : path_(path.string() + ".part"),
      target_(std::move(path)),
      classes_(std::move(classes)),
      shape_(shape) {
  const QuietHdf5 quiet;
  file_ = create_hdf5(path_);
  if (shape_.pixels == 0 && shape_.bytes == kUnknownBytes) {
    scratch_.emplace(path_.parent_path());
  } else {
    make_set();
  }
}

void ShardWriter::make_set() {
  const auto side = static_cast<hsize_t>(shape_.pixels);
  if (shape_.pixels > 0) {
    bytes_ = write_set(file_, "/pixels", H5T_STD_U8LE,
                       {static_cast<hsize_t>(shape_.images), side, side, 3}, nullptr, path_);
  } else {
    bytes_ = write_set(file_, "/jpeg/bytes", H5T_STD_U8LE, {static_cast<hsize_t>(shape_.bytes)},
                       nullptr, path_);
  }
}

ShardWriter::~ShardWriter() {
  if (path_.empty()) return;
  const QuietHdf5 quiet;
  bytes_.reset();
  file_.reset();
  std::error_code code;
  std::filesystem::remove(path_, code);
}

void ShardWriter::add(const ImportedImage& image, const PackedImage& packed) {
  const auto bytes = static_cast<int64_t>(packed.bytes.size());
  const auto at = static_cast<int64_t>(offsets_.back());
  CATAMARAN_ASSERT(shape_.pixels > 0 || waits() || at + bytes <= shape_.bytes,
                   "a shard's bytes as announced");
  const QuietHdf5 quiet;
  if (waits()) {
    scratch_->append(packed.bytes.data(), bytes);
  } else if (shape_.pixels > 0) {
    const auto side = static_cast<hsize_t>(shape_.pixels);
    write_part(bytes_, H5T_NATIVE_UINT8, {ids_.size(), 0, 0, 0}, {1, side, side, 3},
               packed.bytes.data(), path_);
  } else {
    write_bytes(at, packed.bytes.data(), bytes);
  }
  offsets_.push_back(static_cast<uint64_t>(at + bytes));
  labels_.insert(labels_.end(), image.labels.begin(), image.labels.end());
  sizes_.push_back(packed.size.height);
  sizes_.push_back(packed.size.width);
  checksums_.push_back(packed.checksum);
  files_.push_back(packed.file.checksum);
  files_.push_back(static_cast<uint64_t>(packed.file.bytes));
  ids_.push_back(image.id);
}

void ShardWriter::write_bytes(int64_t at, const uint8_t* bytes, int64_t count) {
  write_part(bytes_, H5T_NATIVE_UINT8, {static_cast<hsize_t>(at)}, {static_cast<hsize_t>(count)},
             bytes, path_);
}

void ShardWriter::write_waiting() {
  shape_.bytes = scratch_->bytes();
  make_set();
  std::vector<uint8_t> piece(static_cast<size_t>(std::min(kPieceBytes, shape_.bytes)));
  for (int64_t at = 0; at < shape_.bytes; at += std::ssize(piece)) {
    const int64_t count = std::min(std::ssize(piece), shape_.bytes - at);
    scratch_->read(at, piece.data(), count);
    write_bytes(at, piece.data(), count);
  }
  scratch_.reset();
}

ShardInfo ShardWriter::finish() {
  CATAMARAN_ASSERT(std::ssize(ids_) == shape_.images, "a shard has the images announced");
  {
    const QuietHdf5 quiet;
    if (waits()) write_waiting();
  }
  CATAMARAN_ASSERT(shape_.pixels > 0 || offsets_.back() == static_cast<uint64_t>(shape_.bytes),
                   "and their bytes");
  const auto n = static_cast<hsize_t>(shape_.images);
  {
    const QuietHdf5 quiet;
    flush_hdf5(file_, path_);  // closing the set would not tell
    bytes_.reset();
    if (shape_.pixels == 0)
      write_set(file_, "/jpeg/offset", H5T_STD_U64LE, {n + 1}, offsets_.data(), path_);
    write_set(file_, "/label", H5T_STD_I8LE, {n, classes_.size()}, labels_.data(), path_);
    write_set(file_, "/size", H5T_STD_I32LE, {n, 2}, sizes_.data(), path_);
    write_set(file_, "/checksum", H5T_STD_U64LE, {n}, checksums_.data(), path_);
    if (shape_.files) write_set(file_, "/file", H5T_STD_U64LE, {n, 2}, files_.data(), path_);
    write_texts(file_, "/id", ids_, path_);
    write_text_attribute(file_, "classes", classes_, path_);
    finish_hdf5(file_, path_);
  }
  sync_file(path_, ErrorKind::kData);
  ShardInfo info = {target_.filename().string(), file_bytes(open_for_reading(path_), path_),
                    shape_.images, sha256_of_file(path_)};
  std::error_code code;
  std::filesystem::rename(path_, target_, code);
  if (code) {
    throw DataError(with_errno("cannot rename into place", code.value()), target_.string(),
                    "check the path and its permissions");
  }
  path_.clear();
  return info;
}

}  // namespace catamaran
