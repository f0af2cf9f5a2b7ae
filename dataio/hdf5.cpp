#include "dataio/hdf5.h"

#include <cstdlib>
#include <mutex>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::filesystem::path& path) {
  throw DataError(what, path.string(),
                  "pack the data again, or copy the pack again if it was copied");
}

[[noreturn]] void cannot_write(const std::string& what, const std::filesystem::path& path) {
  throw DataError("HDF5 cannot write " + what, path.string(),
                  "check the free space and the permissions there");
}

H5Properties access_without_locks() {
  // H5Fopen asks the environment last, so both the property and the variable are needed
  // (HDF5 1.10). Other threads may read the environment meanwhile, but find it changed once at
  // most.
  static std::once_flag once;
  std::call_once(once, [] {
    ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);  // NOLINT(concurrency-mt-unsafe)
  });
  H5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_file_locking(access.get(), false, true);
  return access;
}

void make_group(const H5File& file, const std::string& name, const std::filesystem::path& path) {
  if (H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0) return;
  const H5Properties create(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_obj_track_times(create.get(), false);
  const H5Group group(H5Gcreate2(file.get(), name.c_str(), H5P_DEFAULT, create.get(), H5P_DEFAULT));
  if (!group) cannot_write("'" + name + "'", path);
}

// A data set of this very file: each part of its path a hard link, since soft and external links
// could lead anywhere, as could a virtual data set or one in external files.
H5Set open_set_inside(const H5File& file, const std::string& name,
                      const std::filesystem::path& path) {
  for (size_t slash = name.find('/', 1);; slash = name.find('/', slash + 1)) {
    H5L_info_t link;
    const std::string part = name.substr(0, slash);
    if (H5Lget_info(file.get(), part.c_str(), &link, H5P_DEFAULT) < 0 ||
        link.type != H5L_TYPE_HARD) {
      refuse("'" + part + "' is missing or a link", path);
    }
    if (slash == std::string::npos) break;
  }
  H5Set set(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT));
  if (!set) refuse("'" + name + "' is no data set", path);
  const H5Properties made(H5Dget_create_plist(set.get()));
  if (H5Pget_layout(made.get()) == H5D_VIRTUAL || H5Pget_external_count(made.get()) != 0)
    refuse("'" + name + "' is not stored inside the file", path);
  return set;
}

// The extent is compared before anything of its size is allocated: a file may claim any.
std::vector<std::string> texts_from(hid_t space_id, const std::filesystem::path& path,
                                    const std::string& name, size_t expected, hid_t type_id,
                                    const auto& read) {
  const H5Space space(space_id);
  const H5Type type(type_id);
  hsize_t count = 0;
  if (!space || !type || H5Tget_class(type.get()) != H5T_STRING ||
      H5Tis_variable_str(type.get()) <= 0 || H5Sget_simple_extent_ndims(space.get()) != 1 ||
      H5Sget_simple_extent_dims(space.get(), &count, nullptr) != 1) {
    refuse("'" + name + "' is no list of texts", path);
  }
  if (count != expected) {
    refuse("'" + name + "' has " + std::to_string(count) + " texts, pack.json says " +
               std::to_string(expected),
           path);
  }
  std::vector<char*> pointers(count, nullptr);
  const H5Type memory = utf8_type();
  if (!read(memory.get(), pointers.data())) refuse("'" + name + "' cannot be read", path);
  std::vector<std::string> texts;
  texts.reserve(count);
  for (const char* text : pointers) texts.emplace_back(text == nullptr ? "" : text);
  H5Dvlen_reclaim(memory.get(), space.get(), H5P_DEFAULT, pointers.data());
  return texts;
}

}  // namespace

QuietHdf5::QuietHdf5() {
  H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

QuietHdf5::~QuietHdf5() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

H5File create_hdf5(const std::filesystem::path& path) {
  const H5Properties access = access_without_locks();
  H5Pset_alignment(access.get(), 4096, 4096);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V110);
  const H5Properties create(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_obj_track_times(create.get(), false);  // of the root group
  H5File file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, create.get(), access.get()));
  if (!file) cannot_write("the file", path);
  return file;
}

void flush_hdf5(const H5File& file, const std::filesystem::path& path) {
  if (H5Fflush(file.get(), H5F_SCOPE_LOCAL) < 0) cannot_write("what was written so far", path);
}

void finish_hdf5(H5File& file, const std::filesystem::path& path) {
  if (H5Fflush(file.get(), H5F_SCOPE_LOCAL) < 0 || H5Fclose(file.release()) < 0)
    cannot_write("the end of the file", path);
}

H5File open_hdf5(const std::filesystem::path& path) {
  open_for_reading(path);  // says what the system has against it, which HDF5 does not
  const H5Properties access = access_without_locks();
  H5File file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!file) refuse("it is no HDF5 file, or its structure is damaged", path);
  return file;
}

H5Type utf8_type() {
  H5Type type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

ContiguousSet contiguous_set(const H5File& file, const std::string& name, hid_t type, int rank,
                             int64_t file_bytes, const std::filesystem::path& path) {
  ContiguousSet found;
  found.set = open_set_inside(file, name, path);
  const H5Properties made(H5Dget_create_plist(found.set.get()));
  if (H5Pget_layout(made.get()) != H5D_CONTIGUOUS || H5Pget_nfilters(made.get()) != 0)
    refuse("'" + name + "' is not stored in one piece inside the file", path);
  const H5Type stored(H5Dget_type(found.set.get()));
  if (H5Tequal(stored.get(), type) <= 0) refuse("'" + name + "' has another number type", path);
  const H5Space space(H5Dget_space(found.set.get()));
  if (H5Sget_simple_extent_ndims(space.get()) != rank)
    refuse("'" + name + "' has another number of dimensions", path);
  found.extent.resize(static_cast<size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), found.extent.data(), nullptr);
  const auto width = static_cast<hsize_t>(H5Tget_size(stored.get()));
  hsize_t bytes = width;
  for (const hsize_t side : found.extent) {
    if (side != 0 && bytes > static_cast<hsize_t>(file_bytes) / side)
      refuse("'" + name + "' is larger than the file", path);
    bytes *= side;
  }
  found.elements = static_cast<int64_t>(bytes / width);
  if (found.elements == 0) return found;
  const haddr_t at = H5Dget_offset(found.set.get());
  if (at == HADDR_UNDEF || at > static_cast<haddr_t>(file_bytes) ||
      bytes > static_cast<hsize_t>(file_bytes) - at) {
    refuse("'" + name + "' lies outside the file", path);
  }
  found.file_offset = static_cast<int64_t>(at);
  return found;
}

std::vector<std::string> read_texts(const H5File& file, const std::string& name, size_t expected,
                                    const std::filesystem::path& path) {
  const H5Set set = open_set_inside(file, name, path);
  return texts_from(H5Dget_space(set.get()), path, name, expected, H5Dget_type(set.get()),
                    [&](hid_t type, void* to) {
                      return H5Dread(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
                    });
}

std::vector<std::string> read_text_attribute(const H5File& file, const std::string& name,
                                             size_t expected, const std::filesystem::path& path) {
  if (H5Aexists(file.get(), name.c_str()) <= 0)
    refuse("the attribute '" + name + "' is missing", path);
  const H5Attribute attribute(H5Aopen(file.get(), name.c_str(), H5P_DEFAULT));
  if (!attribute) refuse("the attribute '" + name + "' cannot be opened", path);
  return texts_from(H5Aget_space(attribute.get()), path, name, expected,
                    H5Aget_type(attribute.get()),
                    [&](hid_t type, void* to) { return H5Aread(attribute.get(), type, to) >= 0; });
}

H5Set write_set(const H5File& file, const std::string& name, hid_t type,
                const std::vector<hsize_t>& extent, const void* data,
                const std::filesystem::path& path) {
  const H5Space space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
  const H5Properties create(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_layout(create.get(), H5D_CONTIGUOUS);
  H5Pset_alloc_time(create.get(), H5D_ALLOC_TIME_EARLY);
  if (data == nullptr) H5Pset_fill_time(create.get(), H5D_FILL_TIME_NEVER);  // it comes later
  H5Pset_obj_track_times(create.get(), false);
  if (const size_t slash = name.rfind('/'); slash > 0)
    make_group(file, name.substr(0, slash), path);
  H5Set set(H5Dcreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT, create.get(),
                       H5P_DEFAULT));
  if (!set) cannot_write("'" + name + "'", path);
  if (data != nullptr && H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
    cannot_write("'" + name + "'", path);
  return set;
}

void write_part(const H5Set& set, hid_t type, const std::vector<hsize_t>& first,
                const std::vector<hsize_t>& extent, const void* data,
                const std::filesystem::path& path) {
  const H5Space part(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
  const H5Space whole(H5Dget_space(set.get()));
  if (H5Sselect_hyperslab(whole.get(), H5S_SELECT_SET, first.data(), nullptr, extent.data(),
                          nullptr) < 0 ||
      H5Dwrite(set.get(), type, part.get(), whole.get(), H5P_DEFAULT, data) < 0) {
    cannot_write("the images", path);
  }
}

void write_texts(const H5File& file, const std::string& name, const std::vector<std::string>& texts,
                 const std::filesystem::path& path) {
  std::vector<const char*> pointers;
  pointers.reserve(texts.size());
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  const H5Type type = utf8_type();
  write_set(file, name, type.get(), {texts.size()}, pointers.data(), path);
}

void write_text_attribute(const H5File& file, const std::string& name,
                          const std::vector<std::string>& texts,
                          const std::filesystem::path& path) {
  std::vector<const char*> pointers;
  pointers.reserve(texts.size());
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  const H5Type type = utf8_type();
  const hsize_t count = texts.size();
  const H5Space space(H5Screate_simple(1, &count, nullptr));
  const H5Attribute attribute(
      H5Acreate2(file.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), type.get(), pointers.data()) < 0)
    cannot_write("'" + name + "'", path);
}

}  // namespace catamaran
