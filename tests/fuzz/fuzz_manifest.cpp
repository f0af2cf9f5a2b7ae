// Fuzz target: any bytes as a manifest. The first byte chooses the format: 'c' CSV, anything else
// JSON lines. No image exists, so that all ends in DataError; its problems have places in the file.
#include <cstdlib>

#include "dataio/manifest_importer.h"
#include "scratch_file.h"
#include "support/error.h"

namespace catamaran {
namespace {

void read(const uint8_t* data, size_t size) {
  const ScratchFile file(data + 1, size - 1);
  const auto format = data[0] == 'c' ? ManifestFormat::kCsv : ManifestFormat::kJsonLines;
  ImportProblems problems("input");
  try {
    const ManifestRows read = read_manifest_rows(file.path(), format, problems);
    for (const ManifestRow& row : read.rows) {
      for (const std::string& label : row.labels) {
        const TextPlace place = place_of_label(row, label);
        if (place.line < 1 || place.column < 1) std::abort();
      }
    }
    for (const ImportProblem& problem : problems.first()) {
      if (problem.place.line < 1) std::abort();
    }
    // Each row starts a look for its file; a few rows are enough for what comes behind reading.
    if (read.rows.size() > 64) return;
    import_manifest({.images = "/nonexistent", .manifest = file.path(), .format = format});
    std::abort();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
  }
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) catamaran::read(data, size);
  return 0;
}
