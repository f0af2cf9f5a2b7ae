// Fuzz target: any bytes as one annotation of PASCAL VOC (XML). It is refused by DataError, or each
// object that it names has a name.
#include <cstdint>
#include <cstdlib>

#include "dataio/voc_annotation.h"
#include "scratch_file.h"
#include "support/error.h"

namespace catamaran {
namespace {

void read(const uint8_t* data, size_t size) {
  const ScratchFile file(data, size);
  try {
    for (const VocObject& object : read_voc_annotation(file.path())) {
      if (object.name.empty()) std::abort();
    }
  } catch (const DataError&) {
  }
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  catamaran::read(data, size);
  return 0;
}
