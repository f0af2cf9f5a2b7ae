#include "dataio/pack_writer.h"

#include <jpeglib.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "dataio/hdf5.h"
#include "dataio/image.h"
#include "dataio/repeated_pictures.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/hash.h"
#include "support/parallel_for.h"
#include "support/progress.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBlockImages = 256;                      // read ahead by the workers at a time
constexpr int64_t kLargestJpegBytes = int64_t{256} << 20;  // of one file
constexpr size_t kBadNamed = 10;
constexpr unsigned char kDelete = 0x7F;

struct ReadImage {
  std::vector<uint8_t> jpeg;
  ImageSize size;
  uint64_t checksum = 0;
  std::string problem;  // why it cannot be packed
};

ReadImage read_image(const ImportedImage& image) {
  ReadImage read;
  try {
    const FileDescriptor file = open_for_reading(image.file);
    const int64_t bytes = file_bytes(file, image.file);
    if (bytes > kLargestJpegBytes) {
      read.problem = image.file.string() + ": " + std::to_string(bytes) +
                     " bytes are no photograph (at most " + std::to_string(kLargestJpegBytes) + ")";
      return read;
    }
    read.jpeg.resize(static_cast<size_t>(bytes));
    read_exactly_at(file, 0, read.jpeg.data(), static_cast<int64_t>(read.jpeg.size()), image.file);
    read.size = read_jpeg_size(read.jpeg, image.file.string());
    // The end-of-image marker, perhaps before padding: a cut file has none.
    const auto& b = read.jpeg;
    const size_t tail = std::min<size_t>(b.size(), size_t{64} * 1024);
    bool ended = false;
    for (size_t i = b.size(); i-- > b.size() - tail + 1 && !ended;)
      ended = b[i] == 0xD9 && b[i - 1] == 0xFF;
    if (!ended) read.problem = image.file.string() + ": the file is cut short (no end marker)";
    read.checksum = xxh3(read.jpeg.data(), read.jpeg.size());
  } catch (const DataError& error) {
    read.problem = error.what();
  }
  return read;
}

std::vector<ReadImage> read_block(const std::vector<ImportedImage>& images, size_t begin,
                                  size_t end, int64_t threads) {
  std::vector<ReadImage> block(end - begin);
  parallel_for(std::ssize(block), threads, [&] {
    return [&](int64_t i) {
      const auto at = static_cast<size_t>(i);
      block[at] = read_image(images[begin + at]);
    };
  });
  return block;
}

// The images of one shard, until it is written.
class ShardBuilder {
 public:
  explicit ShardBuilder(std::vector<std::string> classes) : classes_(std::move(classes)) {}

  bool empty() const { return ids_.empty(); }
  int64_t jpeg_bytes() const { return static_cast<int64_t>(bytes_.size()); }
  void add(const ImportedImage& image, const ReadImage& read) {
    bytes_.insert(bytes_.end(), read.jpeg.begin(), read.jpeg.end());
    offsets_.push_back(bytes_.size());
    labels_.insert(labels_.end(), image.labels.begin(), image.labels.end());
    sizes_.push_back(read.size.height);
    sizes_.push_back(read.size.width);
    checksums_.push_back(read.checksum);
    ids_.push_back(image.id);
  }
  ShardInfo write(const fs::path& folder, size_t number) {
    char name[32];
    std::snprintf(name, sizeof name, "shard-%05zu.h5", number);
    const fs::path path = folder / name;
    const hsize_t n = ids_.size();
    {
      const QuietHdf5 quiet;
      H5File file = create_hdf5(path);
      write_set(file, "/jpeg/bytes", H5T_STD_U8LE, {bytes_.size()}, bytes_.data(), path);
      write_set(file, "/jpeg/offset", H5T_STD_U64LE, {n + 1}, offsets_.data(), path);
      write_set(file, "/label", H5T_STD_I8LE, {n, classes_.size()}, labels_.data(), path);
      write_set(file, "/size", H5T_STD_I32LE, {n, 2}, sizes_.data(), path);
      write_set(file, "/checksum", H5T_STD_U64LE, {n}, checksums_.data(), path);
      write_texts(file, "/id", ids_, path);
      write_text_attribute(file, "classes", classes_, path);
      finish_hdf5(file, path);
    }
    return {name, static_cast<int64_t>(fs::file_size(path)), static_cast<int64_t>(n),
            sha256_of_file(path)};
  }

 private:
  std::vector<std::string> classes_;
  std::vector<uint8_t> bytes_;
  std::vector<uint64_t> offsets_ = {0};
  std::vector<int8_t> labels_;
  std::vector<int32_t> sizes_;
  std::vector<uint64_t> checksums_;
  std::vector<std::string> ids_;
};

[[noreturn]] void refuse_bad(const std::vector<std::string>& bad) {
  std::string list;
  for (size_t i = 0; i < std::min(bad.size(), kBadNamed); ++i) list += "\n  " + bad[i];
  if (bad.size() > kBadNamed)
    list += "\n  ... and " + std::to_string(bad.size() - kBadNamed) + " more";
  throw DataError(std::to_string(bad.size()) + " image file(s) cannot be packed:" + list, "",
                  "repair or remove them, or pack without them: --skip-bad");
}

// libjpeg-turbo tells its version to the preprocessor alone.
std::string decoder_version() {
#define CATAMARAN_TEXT_(x) #x
#define CATAMARAN_TEXT(x) CATAMARAN_TEXT_(x)
  return "libjpeg-turbo " CATAMARAN_TEXT(LIBJPEG_TURBO_VERSION) " (compiled with)";
}

// What JSON, HDF5's C strings and a line of a message all carry.
void require_names(const std::vector<std::string>& names, const std::string& of) {
  for (const std::string& name : names) {
    const bool controls =
        std::ranges::any_of(name, [](unsigned char c) { return c < ' ' || c == kDelete; });
    if (!name.empty() && is_utf8(name) && !controls) continue;
    throw DataError("'" + printable(name) + "' is no name of " + of, "",
                    "names are UTF-8, not empty, and without control characters");
  }
}

}  // namespace

PackSummary write_pack(const ImportedImages& imported, const fs::path& out,
                       const PackWriterOptions& options) {
  if (imported.images.empty())
    throw DataError("there are no images to pack", out.string(),
                    "check the split and the label files");
  require_names(imported.classes, "a class");
  for (const ImportedImage& image : imported.images) require_names({image.id}, "an image");
  const Stopwatch watch;
  const fs::path parent = fs::absolute(out).lexically_normal().parent_path();
  remove_stale_temporaries(parent);
  AtomicDirectory folder(out, /*replace=*/false, ErrorKind::kUsage);
  PackSummary summary;
  PackManifest& manifest = summary.manifest;
  manifest.data_set = imported.data_set;
  manifest.split = imported.split;
  manifest.classes = imported.classes;
  manifest.positives.assign(imported.classes.size(), 0);
  manifest.ignored.assign(imported.classes.size(), 0);
  manifest.sources = imported.sources;
  manifest.decoder = decoder_version();
  manifest.notes = imported.notes;

  const int64_t threads = threads_or_cores(options.threads);
  Progress progress("packing", static_cast<int64_t>(imported.images.size()), "images",
                    options.progress);
  std::vector<std::string> bad;
  RepeatedPictures repeated;
  ShardBuilder shard(manifest.classes);
  const auto flush = [&] {
    if (shard.empty()) return;
    manifest.shards.push_back(shard.write(folder.path(), manifest.shards.size()));
    shard = ShardBuilder(manifest.classes);
  };
  for (size_t begin = 0; begin < imported.images.size(); begin += kBlockImages) {
    const size_t end = std::min(imported.images.size(), begin + kBlockImages);
    const std::vector<ReadImage> block = read_block(imported.images, begin, end, threads);
    for (size_t i = 0; i < block.size(); ++i) {
      const ReadImage& read = block[i];
      if (!read.problem.empty()) {
        bad.push_back(read.problem);
        continue;
      }
      if (shard.jpeg_bytes() + static_cast<int64_t>(read.jpeg.size()) > options.shard_bytes)
        flush();
      shard.add(imported.images[begin + i], read);
      repeated.see(static_cast<int64_t>(begin + i), read.checksum,
                   static_cast<int64_t>(read.jpeg.size()));
      count_labels(imported.images[begin + i].labels, manifest.positives, manifest.ignored);
      summary.jpeg_bytes += static_cast<int64_t>(read.jpeg.size());
      ++manifest.images;
    }
    progress.advance(static_cast<int64_t>(block.size()));
  }
  if (!bad.empty() && !options.skip_bad) refuse_bad(bad);
  if (!bad.empty())
    manifest.notes.push_back(std::to_string(bad.size()) +
                             " damaged image files were left out (--skip-bad)");
  if (repeated.count() > 0)
    manifest.notes.push_back(repeated.note(
        [&](int64_t image) { return imported.images[static_cast<size_t>(image)].id; }));
  if (manifest.images == 0)
    throw DataError("no image is left to pack", out.string(), "check the image files");
  flush();
  write_file_atomically(folder.path() / "pack.json", pack_manifest_json(manifest));
  folder.commit();
  summary.skipped = static_cast<int64_t>(bad.size());
  summary.seconds = watch.seconds();
  return summary;
}

}  // namespace catamaran
