// write_scores of trainer/api.h and read_scores: scores.h5, readable by h5py.
#include "trainer/scores_file.h"

#include <string>
#include <vector>

#include "dataio/hdf5.h"
#include "dataio/pack_reader.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "trainer/api.h"
#include "trainer/checkpoint.h"

namespace catamaran {
namespace {

std::vector<std::string> weights_files(const EvaluateRequest& request) {
  std::vector<std::string> files = {weights_file_of(request.checkpoint, request.weights).string()};
  for (const std::filesystem::path& more : request.ensemble)
    files.push_back(weights_file_of(more, request.weights).string());
  return files;
}

[[noreturn]] void refuse(const std::string& what, const std::filesystem::path& path) {
  throw DataError(what, path.string(), "write it with `catamaran eval --data PACK --scores FILE`");
}

}  // namespace

ScoreTable read_scores(const std::filesystem::path& path, const PackReader& pack) {
  const QuietHdf5 quiet;
  const H5File file = open_hdf5(path);
  ScoreTable table;
  table.classes = pack.manifest().classes;
  table.images = pack.images();
  const int64_t bytes = file_bytes(open_for_reading(path), path);
  const ContiguousSet score = contiguous_set(file, "/score", H5T_IEEE_F32LE, 2, bytes, path);
  const std::vector<hsize_t> extent = {static_cast<hsize_t>(table.images), table.classes.size()};
  if (score.extent != extent)
    refuse("its scores are not of the images and classes of the pack", path);
  if (read_text_attribute(file, "classes", table.classes.size(), path) != table.classes)
    refuse("its classes are not the pack's", path);
  const std::vector<std::string> ids =
      read_texts(file, "/id", static_cast<size_t>(table.images), path);
  for (int64_t i = 0; i < table.images; ++i) {
    if (ids[static_cast<size_t>(i)] != pack.id(i))
      refuse("its image " + std::to_string(i) + " is not that of the pack", path);
    const std::span<const int8_t> labels = pack.labels(i);
    table.labels.insert(table.labels.end(), labels.begin(), labels.end());
    table.indices.push_back(i);
  }
  table.scores.resize(static_cast<size_t>(score.elements));
  if (H5Dread(score.set.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
              table.scores.data()) < 0)
    refuse("its scores cannot be read", path);
  return table;
}

void write_scores(const std::filesystem::path& path, const ScoreTable& table,
                  const EvaluateRequest& request) {
  const PackReader pack(request.pack);
  std::vector<std::string> ids;
  for (const int64_t index : table.indices) ids.push_back(pack.id(index));
  AtomicFile target(path, ErrorKind::kUsage);
  const std::filesystem::path& temporary = target.path();
  const QuietHdf5 quiet;
  H5File file = create_hdf5(temporary);
  const std::vector<hsize_t> extent = {static_cast<hsize_t>(table.images), table.classes.size()};
  write_set(file, "/score", H5T_IEEE_F32LE, extent, table.scores.data(), temporary);
  write_set(file, "/label", H5T_STD_I8LE, extent, table.labels.data(), temporary);
  write_texts(file, "/id", ids, temporary);
  write_text_attribute(file, "classes", table.classes, temporary);
  write_text_attribute(file, "models", weights_files(request), temporary);
  write_text_attribute(file, "augment", {request.augment}, temporary);
  write_text_attribute(file, "crop", {crop_name(request)}, temporary);
  finish_hdf5(file, temporary);
  target.commit();
}

}  // namespace catamaran
