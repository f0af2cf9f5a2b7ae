// Fuzz target: any bytes as COCO annotations. They are refused by DataError, or give a label for
// each class of each image.
#include <cstdlib>

#include "dataio/coco_importer.h"
#include "scratch_file.h"
#include "support/error.h"

namespace catamaran {
namespace {

void read(const uint8_t* data, size_t size) {
  const ScratchFile file(data, size);
  try {
    const ImportedImages imported = import_coco(
        {.images = "images", .annotations = file.path(), .without_annotations = "keep"});
    for (const ImportedImage& image : imported.images) {
      if (image.labels.size() != imported.classes.size()) std::abort();
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
  }
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  catamaran::read(data, size);
  return 0;
}
