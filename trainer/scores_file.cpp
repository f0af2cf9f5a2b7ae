// write_scores of trainer/api.h: scores.h5, readable by h5py.
#include <string>
#include <vector>

#include "dataio/hdf5.h"
#include "dataio/pack_reader.h"
#include "support/atomic_file.h"
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

}  // namespace

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
