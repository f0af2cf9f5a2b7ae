#include "made_pack.h"

#include <hdf5.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "support/handle.h"
#include "support/hash.h"

namespace catamaran {
namespace {

struct HdfTraits {
  using type = hid_t;
  static constexpr hid_t empty() { return H5I_INVALID_HID; }
  static void close(hid_t id) noexcept { H5Idec_ref(id); }
};
using Hdf = Handle<HdfTraits>;

Hdf checked(hid_t id) {
  if (id < 0) throw std::runtime_error("HDF5 refused a call of the test's pack");
  return Hdf(id);
}

void write_array(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& shape,
                 const void* values) {
  const Hdf space =
      checked(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr));
  const Hdf properties = checked(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_layout(properties.get(), H5D_CONTIGUOUS);
  H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  const Hdf links = checked(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.get(), 1);
  const Hdf set = checked(
      H5Dcreate2(file, name, type, space.get(), links.get(), properties.get(), H5P_DEFAULT));
  if (H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
    throw std::runtime_error(std::string("cannot write ") + name);
  }
}

Hdf string_type() {
  Hdf type = checked(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> result;
  result.reserve(texts.size());
  for (const std::string& text : texts) result.push_back(text.c_str());
  return result;
}

void write_classes(hid_t file, const std::vector<std::string>& classes) {
  const hsize_t count = classes.size();
  const Hdf type = string_type();
  const Hdf space = checked(H5Screate_simple(1, &count, nullptr));
  const Hdf attribute =
      checked(H5Acreate2(file, "classes", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
  H5Awrite(attribute.get(), type.get(), pointers(classes).data());
}

void write_shard(const std::filesystem::path& path, const std::vector<std::string>& classes,
                 const std::vector<MadeImage>& images) {
  std::vector<uint8_t> bytes;
  std::vector<uint64_t> offsets = {0};
  std::vector<uint64_t> checksums;
  std::vector<int8_t> labels;
  std::vector<int32_t> sizes;
  std::vector<std::string> ids;
  for (const MadeImage& image : images) {
    bytes.insert(bytes.end(), image.jpeg.begin(), image.jpeg.end());
    offsets.push_back(bytes.size());
    checksums.push_back(xxh3(image.jpeg.data(), image.jpeg.size()));
    labels.insert(labels.end(), image.labels.begin(), image.labels.end());
    sizes.insert(sizes.end(), {image.size.height, image.size.width});
    ids.push_back(image.id);
  }
  const hsize_t n = images.size();
  const Hdf file = checked(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  write_array(file.get(), "/jpeg/bytes", H5T_STD_U8LE, {bytes.size()}, bytes.data());
  write_array(file.get(), "/jpeg/offset", H5T_STD_U64LE, {n + 1}, offsets.data());
  write_array(file.get(), "/label", H5T_STD_I8LE, {n, classes.size()}, labels.data());
  write_array(file.get(), "/size", H5T_STD_I32LE, {n, 2}, sizes.data());
  write_array(file.get(), "/checksum", H5T_STD_U64LE, {n}, checksums.data());
  write_array(file.get(), "/id", string_type().get(), {n}, pointers(ids).data());
  write_classes(file.get(), classes);
}

}  // namespace

void make_pack(const std::filesystem::path& folder, const std::vector<std::string>& classes,
               const std::vector<MadeImage>& images, int64_t images_per_shard) {
  std::filesystem::create_directories(folder);
  PackManifest manifest;
  manifest.data_set = "made";
  manifest.split = "test";
  manifest.classes = classes;
  manifest.images = std::ssize(images);
  manifest.decoder = "none";
  for (size_t label = 0; label < classes.size(); ++label) {
    const auto count = [&](int8_t value) {
      return std::count_if(images.begin(), images.end(),
                           [&](const MadeImage& image) { return image.labels[label] == value; });
    };
    manifest.positives.push_back(count(1));
    manifest.ignored.push_back(count(0));
  }
  for (int64_t first = 0; first < std::ssize(images); first += images_per_shard) {
    const int64_t last = std::min<int64_t>(first + images_per_shard, std::ssize(images));
    const std::string number = std::to_string(manifest.shards.size());
    const std::string file = "shard-" + std::string(5 - number.size(), '0') + number + ".h5";
    write_shard(folder / file, classes, {images.begin() + first, images.begin() + last});
    manifest.shards.push_back(
        {.file = file,
         .bytes = static_cast<int64_t>(std::filesystem::file_size(folder / file)),
         .images = last - first,
         .sha256 = sha256_of_file(folder / file)});
  }
  std::ofstream(folder / "pack.json") << pack_manifest_json(manifest);
}

}  // namespace catamaran
