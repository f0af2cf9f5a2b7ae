#include "dataio/pack_reader.h"

#include <algorithm>
#include <utility>

#include "dataio/hdf5.h"
#include "dataio/sample_fault.h"
#include "support/assert.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr const char* kAgain = "pack the data again, or copy the pack again if it was copied";

// All shards that are missing or of another size, in one sentence.
void require_whole_shards(const std::filesystem::path& folder, const PackManifest& manifest) {
  std::string bad;
  for (const ShardInfo& shard : manifest.shards) {
    std::error_code code;
    const auto bytes = std::filesystem::file_size(folder / shard.file, code);
    if (!code && static_cast<int64_t>(bytes) == shard.bytes) continue;
    bad +=
        (bad.empty() ? "" : ", ") + shard.file +
        (code ? " is missing"
              : " has " + std::to_string(bytes) + " of " + std::to_string(shard.bytes) + " bytes");
  }
  if (!bad.empty())
    throw DataError(bad, folder.string(), "copy the pack again, then run `catamaran check` on it");
}

// Everything of one shard but its image bytes.
struct ShardIndex {
  std::vector<uint64_t> offsets;
  std::vector<int8_t> labels;
  std::vector<int32_t> sizes;
  std::vector<uint64_t> checksums;
  std::vector<uint64_t> files;  // pairs; none where the pack has none
  std::vector<std::string> ids;
  int64_t bytes_at = 0;
};

template <typename T>
std::vector<T> read_all(const ContiguousSet& set, hid_t type, const std::string& name,
                        const std::filesystem::path& path) {
  std::vector<T> values(static_cast<size_t>(set.elements));
  if (!values.empty() &&
      H5Dread(set.set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    throw DataError("'" + name + "' cannot be read", path.string(), kAgain);
  }
  return values;
}

ShardIndex read_index(const std::filesystem::path& path, const ShardInfo& info,
                      const PackManifest& manifest) {
  const std::vector<std::string>& classes = manifest.classes;
  const QuietHdf5 quiet;
  const H5File file = open_hdf5(path);
  const auto n = static_cast<hsize_t>(info.images);
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) throw DataError(what, path.string(), kAgain);
  };
  require(read_text_attribute(file, "classes", classes.size(), path) == classes,
          "its classes are not those of pack.json");
  const ContiguousSet label = contiguous_set(file, "/label", H5T_STD_I8LE, 2, info.bytes, path);
  const ContiguousSet size = contiguous_set(file, "/size", H5T_STD_I32LE, 2, info.bytes, path);
  const ContiguousSet checksum =
      contiguous_set(file, "/checksum", H5T_STD_U64LE, 1, info.bytes, path);
  require(label.extent[0] == n && size.extent[0] == n && checksum.extent[0] == n,
          "its data sets do not have the " + std::to_string(n) + " images of pack.json");
  require(label.extent[1] == classes.size(), "its labels are " + std::to_string(label.extent[1]) +
                                                 " wide, the pack has " +
                                                 std::to_string(classes.size()) + " classes");
  require(size.extent[1] == 2, "'/size' must have two columns");

  ShardIndex index;
  if (manifest.pixels > 0) {
    const auto side = static_cast<hsize_t>(manifest.pixels);
    const ContiguousSet pixels = contiguous_set(file, "/pixels", H5T_STD_U8LE, 4, info.bytes, path);
    require(pixels.extent == std::vector<hsize_t>{n, side, side, 3},
            "'/pixels' is not the " + std::to_string(n) + " images of " + std::to_string(side) +
                " x " + std::to_string(side) + " pixels of pack.json");
    index.bytes_at = pixels.file_offset;
  } else {
    const ContiguousSet bytes =
        contiguous_set(file, "/jpeg/bytes", H5T_STD_U8LE, 1, info.bytes, path);
    const ContiguousSet offset =
        contiguous_set(file, "/jpeg/offset", H5T_STD_U64LE, 1, info.bytes, path);
    index.bytes_at = bytes.file_offset;
    index.offsets = read_all<uint64_t>(offset, H5T_NATIVE_UINT64, "/jpeg/offset", path);
    require(offset.extent[0] == n + 1 && index.offsets.front() == 0 &&
                index.offsets.back() == static_cast<uint64_t>(bytes.elements) &&
                std::is_sorted(index.offsets.begin(), index.offsets.end()),
            "'/jpeg/offset' does not divide '/jpeg/bytes'");
  }
  index.labels = read_all<int8_t>(label, H5T_NATIVE_INT8, "/label", path);
  index.sizes = read_all<int32_t>(size, H5T_NATIVE_INT32, "/size", path);
  index.checksums = read_all<uint64_t>(checksum, H5T_NATIVE_UINT64, "/checksum", path);
  if (manifest.has_files) {
    const ContiguousSet files = contiguous_set(file, "/file", H5T_STD_U64LE, 2, info.bytes, path);
    require(files.extent == std::vector<hsize_t>{n, 2}, "'/file' is not two numbers an image");
    index.files = read_all<uint64_t>(files, H5T_NATIVE_UINT64, "/file", path);
  }
  index.ids = read_texts(file, "/id", n, path);
  require(std::all_of(index.ids.begin(), index.ids.end(), is_utf8), "'/id' is not UTF-8");
  require(std::all_of(index.labels.begin(), index.labels.end(),
                      [](int8_t l) { return l >= -1 && l <= 1; }),
          "'/label' holds values other than 1, 0 and -1");
  require(std::all_of(index.sizes.begin(), index.sizes.end(), [](int32_t s) { return s > 0; }),
          "'/size' holds a size that is not positive");
  return index;
}

}  // namespace

PackReader::PackReader(std::filesystem::path folder) : opened_(open(std::move(folder))) {}

std::shared_ptr<const PackReader::Opened> PackReader::open(std::filesystem::path folder) {
  auto opened = std::make_shared<Opened>();
  opened->folder = std::move(folder);
  opened->manifest = read_pack_manifest(opened->folder);
  require_whole_shards(opened->folder, opened->manifest);
  int64_t first = 0;
  for (const ShardInfo& info : opened->manifest.shards) {
    Shard shard;
    shard.path = opened->folder / info.file;
    ShardIndex index = read_index(shard.path, info, opened->manifest);
    shard.file = open_for_reading(shard.path);
    shard.first_image = first;
    shard.bytes_at = index.bytes_at;
    shard.offsets = std::move(index.offsets);
    opened->shards.push_back(std::move(shard));
    first += info.images;
    opened->labels.insert(opened->labels.end(), index.labels.begin(), index.labels.end());
    opened->checksums.insert(opened->checksums.end(), index.checksums.begin(),
                             index.checksums.end());
    for (size_t i = 0; i < index.files.size(); i += 2)
      opened->files.push_back({index.files[i], static_cast<int64_t>(index.files[i + 1])});
    std::move(index.ids.begin(), index.ids.end(), std::back_inserter(opened->ids));
    for (size_t i = 0; i < index.sizes.size(); i += 2)
      opened->sizes.push_back({index.sizes[i], index.sizes[i + 1]});
  }
  std::string content;
  for (const std::string& name : opened->manifest.classes) content += name + '\n';
  content.append(reinterpret_cast<const char*>(opened->labels.data()), opened->labels.size());
  content.append(reinterpret_cast<const char*>(opened->checksums.data()),
                 opened->checksums.size() * sizeof(uint64_t));
  opened->fingerprint = to_hex(xxh3(content));
  return opened;
}

const PackReader::Shard& PackReader::shard_of(int64_t image) const {
  CATAMARAN_ASSERT(image >= 0 && image < images(), "callers ask for images of the pack");
  const auto after =
      std::upper_bound(opened_->shards.begin(), opened_->shards.end(), image,
                       [](int64_t i, const Shard& shard) { return i < shard.first_image; });
  return *std::prev(after);
}

std::span<const int8_t> PackReader::labels(int64_t image) const {
  return std::span(opened_->labels)
      .subspan(static_cast<size_t>(image * classes()), static_cast<size_t>(classes()));
}

const std::string& PackReader::id(int64_t image) const {
  return opened_->ids[static_cast<size_t>(image)];
}
ImageSize PackReader::size(int64_t image) const {
  return opened_->sizes[static_cast<size_t>(image)];
}
uint64_t PackReader::checksum(int64_t image) const {
  return opened_->checksums[static_cast<size_t>(image)];
}

PictureKey PackReader::picture(int64_t image) const {
  if (opened_->files.empty()) return {checksum(image), image_bytes(image)};
  return opened_->files[static_cast<size_t>(image)];
}

ImageSize PackReader::stored_size(int64_t image) const {
  if (pixels() == 0) return size(image);
  const auto side = static_cast<int32_t>(pixels());
  return {.height = side, .width = side};
}

PackReader::Place PackReader::place_of(const Shard& shard, int64_t image) const {
  const int64_t i = image - shard.first_image;
  if (pixels() > 0) {
    const int64_t bytes = pixels() * pixels() * 3;
    return {.at = shard.bytes_at + i * bytes, .bytes = bytes};
  }
  const uint64_t* const offset = shard.offsets.data() + i;
  return {.at = shard.bytes_at + static_cast<int64_t>(offset[0]),
          .bytes = static_cast<int64_t>(offset[1] - offset[0])};
}

int64_t PackReader::image_bytes(int64_t image) const {
  return place_of(shard_of(image), image).bytes;
}

void PackReader::read_image(int64_t image, std::vector<uint8_t>& into) const {
  const Shard& shard = shard_of(image);
  const Place place = place_of(shard, image);
  into.resize(static_cast<size_t>(place.bytes));
  read_exactly_at(shard.file, place.at, into.data(), place.bytes, shard.path);
  if (xxh3(into.data(), into.size()) != checksum(image)) {
    throw SampleError("the bytes of image '" + id(image) + "' are damaged (checksum)",
                      shard.path.string(),
                      "copy the shard again; `catamaran check` lists all that are damaged",
                      SampleFault::kChecksum);
  }
}

}  // namespace catamaran
