#include "dataio/libjpeg_guard.h"

#include <jerror.h>

namespace catamaran {
namespace {

constexpr int kMostScans = 500;  // encoders write ten or so

}  // namespace

LibjpegGuard::LibjpegGuard() {
  jpeg_std_error(&errors_.base);
  errors_.base.error_exit = fail;
  errors_.base.emit_message = judge_message;
  scans_.progress_monitor = count_scans;
}

bool LibjpegGuard::out_of_memory() const { return errors_.base.msg_code == JERR_OUT_OF_MEMORY; }

bool LibjpegGuard::is_cut_short() const {
  switch (errors_.base.msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JERR_INPUT_EOF:
    case JERR_INPUT_EMPTY:
      return true;
    default:
      return false;
  }
}

void LibjpegGuard::count_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMostScans) return;
  auto* errors = reinterpret_cast<Errors*>(info->err);
  errors->base.msg_code = 0;  // none of libjpeg's
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMostScans);
  std::longjmp(errors->jump, 1);
}

void LibjpegGuard::fail(j_common_ptr info) {
  auto* errors = reinterpret_cast<Errors*>(info->err);
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

void LibjpegGuard::judge_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // a trace
  switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_ICC:
      return;
    default:
      fail(info);
  }
}

}  // namespace catamaran
