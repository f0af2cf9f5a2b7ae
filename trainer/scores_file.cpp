// write_scores of trainer/api.h: scores.h5, readable by h5py.
#include <hdf5.h>

#include <array>
#include <string>
#include <vector>

#include "dataio/pack_reader.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/handle.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

template <herr_t (*Close)(hid_t)>
struct Hdf5Traits {
  using type = hid_t;
  static constexpr type empty() { return -1; }
  static void close(type id) noexcept { Close(id); }
};
using File = Handle<Hdf5Traits<H5Fclose>>;
using Space = Handle<Hdf5Traits<H5Sclose>>;
using Type = Handle<Hdf5Traits<H5Tclose>>;
using DataSet = Handle<Hdf5Traits<H5Dclose>>;
using Attribute = Handle<Hdf5Traits<H5Aclose>>;

class ScoresFile {
 public:
  explicit ScoresFile(const std::filesystem::path& path)
      : path_(path), file_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {
    require(static_cast<bool>(file_));
  }

  template <size_t Rank>
  void write(const char* name, hid_t type, const std::array<hsize_t, Rank>& extent,
             const void* data) {
    const Space space(H5Screate_simple(static_cast<int>(Rank), extent.data(), nullptr));
    const DataSet set(
        H5Dcreate2(file_.get(), name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    require(set && H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
  }
  void write_texts(const char* name, const std::vector<std::string>& texts) {
    const Type type = text_type();
    const std::vector<const char*> pointers = pointers_of(texts);
    write<1>(name, type.get(), {texts.size()}, pointers.data());
  }
  void write_attribute(const char* name, const std::vector<std::string>& texts) {
    const Type type = text_type();
    const hsize_t count = texts.size();
    const Space space(H5Screate_simple(1, &count, nullptr));
    const Attribute attribute(
        H5Acreate2(file_.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
    const std::vector<const char*> pointers = pointers_of(texts);
    require(attribute && H5Awrite(attribute.get(), type.get(), pointers.data()) >= 0);
  }
  void close() {
    require(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) >= 0);
    file_.reset();
  }

 private:
  void require(bool done) const {
    if (!done)
      throw UsageError("HDF5 cannot write the file", path_.string(),
                       "check the path and the free space");
  }
  static Type text_type() {
    Type type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
  }
  static std::vector<const char*> pointers_of(const std::vector<std::string>& texts) {
    std::vector<const char*> pointers;
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    return pointers;
  }

  std::filesystem::path path_;
  File file_;
};

}  // namespace

void write_scores(const std::filesystem::path& path, const ScoreTable& table,
                  const std::filesystem::path& pack_folder) {
  const PackReader pack(pack_folder);
  std::vector<std::string> ids;
  for (const int64_t index : table.indices) ids.push_back(pack.id(index));
  const std::filesystem::path parent = path.parent_path();
  const std::filesystem::path temporary = parent / ("." + path.filename().string() + ".writing");
  std::error_code code;
  if (!parent.empty()) std::filesystem::create_directories(parent, code);
  try {
    ScoresFile file(temporary);
    const std::array<hsize_t, 2> extent = {static_cast<hsize_t>(table.images),
                                           table.classes.size()};
    file.write("score", H5T_NATIVE_FLOAT, extent, table.scores.data());
    file.write("label", H5T_NATIVE_INT8, extent, table.labels.data());
    file.write_texts("id", ids);
    file.write_attribute("classes", table.classes);
    file.close();
    std::filesystem::rename(temporary, path);
  } catch (...) {
    std::filesystem::remove(temporary, code);
    throw;
  }
  sync_directory(parent.empty() ? "." : parent, ErrorKind::kUsage);
}

}  // namespace catamaran
