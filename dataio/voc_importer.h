// PASCAL VOC: VOCdevkit/VOC2007/{ImageSets/Main/<class>_<split>.txt, JPEGImages/<id>.jpg}.
//
//   ImportedImages images = import_voc({.root = "VOCdevkit/VOC2007", .split = "trainval"});
//
// Each line of the 20 lists is "id label": 1 at least one instance that is not difficult, 0 only
// difficult ones, -1 none. Fields are separated by any run of blanks, lines may end in CR-LF, ids
// stay text. The 20 classes come in alphabetical order (aeroplane = 0). All 20 lists must name the
// same images. A split that has none of these lists, but ImageSets/Main/<split>.txt and
// Annotations/<id>.xml, takes its labels from there by the same rule, and a note says so;
// verify_xml compares the two where both are there. Errors: DataError with file and line.
// Thread-safe.
#pragma once

#include <filesystem>
#include <string>

#include "dataio/imported_images.h"

namespace catamaran {

struct VocSource {
  std::filesystem::path root;  // the folder that holds ImageSets and JPEGImages
  std::string split;           // train, val, trainval, test
  bool verify_xml = false;     // lists and Annotations must agree
};

ImportedImages import_voc(const VocSource& source);

}  // namespace catamaran
