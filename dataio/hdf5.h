// HDF5 handles that close themselves, and the few calls packs are made of. HDF5 itself is used by
// one thread at a time.
//
//   const H5File file = open_hdf5(path);                    // DataError when it is no HDF5 file
//   const ContiguousSet set = contiguous_set(file, "/label", H5T_NATIVE_INT8, 2, path);
//
// Opening never locks the file: NFS and Lustre refuse locks, and packs are never written in place.
// Errors: DataError. One thread at a time.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/handle.h"

namespace catamaran {

template <herr_t (*Close)(hid_t)>
struct Hdf5Traits {
  using type = hid_t;
  static constexpr type empty() { return H5I_INVALID_HID; }
  static void close(type id) noexcept { Close(id); }
};
using H5File = Handle<Hdf5Traits<H5Fclose>>;
using H5Space = Handle<Hdf5Traits<H5Sclose>>;
using H5Type = Handle<Hdf5Traits<H5Tclose>>;
using H5Set = Handle<Hdf5Traits<H5Dclose>>;
using H5Attribute = Handle<Hdf5Traits<H5Aclose>>;
using H5Group = Handle<Hdf5Traits<H5Gclose>>;
using H5Properties = Handle<Hdf5Traits<H5Pclose>>;

// Keeps HDF5 from printing its own stack of errors while it lives; ours say what a user can do.
class QuietHdf5 {
 public:
  QuietHdf5();
  QuietHdf5(const QuietHdf5&) = delete;
  QuietHdf5& operator=(const QuietHdf5&) = delete;
  ~QuietHdf5();

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

H5File create_hdf5(const std::filesystem::path& path);
H5File open_hdf5(const std::filesystem::path& path);
// Flushes and closes a file that was written: what a destructor would do, but it tells.
void flush_hdf5(const H5File& file, const std::filesystem::path& path);
void finish_hdf5(H5File& file, const std::filesystem::path& path);

// A data set that can be read by pread: hard-linked, contiguous, unfiltered, allocated, native
// type, inside the file.
struct ContiguousSet {
  H5Set set;
  std::vector<hsize_t> extent;
  int64_t file_offset = 0;
  int64_t elements = 0;
};
ContiguousSet contiguous_set(const H5File& file, const std::string& name, hid_t type, int rank,
                             int64_t file_bytes, const std::filesystem::path& path);

H5Type utf8_type();
// Variable-length UTF-8 strings of a data set (hard-linked, contiguous) or of an attribute of the
// root. Another number of texts than expected is a DataError before anything of its size is read.
std::vector<std::string> read_texts(const H5File& file, const std::string& name, size_t expected,
                                    const std::filesystem::path& path);
std::vector<std::string> read_text_attribute(const H5File& file, const std::string& name,
                                             size_t expected, const std::filesystem::path& path);

// Writing: early-allocated, contiguous, without times, so that the same content is the same bytes.
// data may be null: allocated only.
H5Set write_set(const H5File& file, const std::string& name, hid_t type,
                const std::vector<hsize_t>& extent, const void* data,
                const std::filesystem::path& path);
// A part of a set, beginning at `first`.
void write_part(const H5Set& set, hid_t type, const std::vector<hsize_t>& first,
                const std::vector<hsize_t>& extent, const void* data,
                const std::filesystem::path& path);
void write_texts(const H5File& file, const std::string& name, const std::vector<std::string>& texts,
                 const std::filesystem::path& path);
void write_text_attribute(const H5File& file, const std::string& name,
                          const std::vector<std::string>& texts, const std::filesystem::path& path);

}  // namespace catamaran
