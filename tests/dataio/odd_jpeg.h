// JPEG files that no camera writes and TurboJPEG does not make: any sampling factors, and
// progressive files that lack their last refinements.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <vector>

// libjpeg's header needs <cstdio>'s FILE first.
#include <jpeglib.h>

#include "dataio/image.h"

namespace catamaran {

struct OddJpeg {
  int h_samp = 1;  // of the first component; 1 of the others
  int v_samp = 1;
  bool partial = false;
};

inline std::vector<uint8_t> odd_jpeg(const RgbImage& picture, const OddJpeg& odd) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long count = 0;
  jpeg_mem_dest(&info, &bytes, &count);
  info.image_width = static_cast<JDIMENSION>(picture.size.width);
  info.image_height = static_cast<JDIMENSION>(picture.size.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 40, TRUE);
  info.comp_info[0].h_samp_factor = odd.h_samp;
  info.comp_info[0].v_samp_factor = odd.v_samp;
  const jpeg_scan_info scans[] = {{3, {0, 1, 2, 0}, 0, 0, 0, 0},
                                  {1, {0, 0, 0, 0}, 1, 63, 0, 3},
                                  {1, {1, 0, 0, 0}, 1, 63, 0, 3},
                                  {1, {2, 0, 0, 0}, 1, 63, 0, 3}};
  if (odd.partial) {
    info.scan_info = scans;
    info.num_scans = 4;
  }
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    // libjpeg's rows are not const, yet only read
    JSAMPROW row = const_cast<JSAMPROW>(picture.pixels.data() +
                                        size_t{info.next_scanline} * info.image_width * 3);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::vector<uint8_t> jpeg(bytes, bytes + count);
  jpeg_destroy_compress(&info);
  std::free(bytes);
  return jpeg;
}

}  // namespace catamaran
