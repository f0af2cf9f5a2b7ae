// LibjpegGuard: what libjpeg calls when something is wrong, for structs that decode or encode. A
// call that fails comes back by a long jump, so it runs in a function that owns nothing:
//
//   LibjpegGuard guard;
//   info.err = guard.manager();
//   if (!guard.run([&] { jpeg_read_header(&info, TRUE); })) refuse(guard.message());
//
// What libjpeg merely warns of is a failure too, except for what leaves no doubt about the pixels
// (bytes between markers, odd version numbers). Stays where it is while a struct points to it.
#pragma once

#include <csetjmp>
#include <cstdio>

// libjpeg's header needs <cstdio>'s FILE first.
#include <jpeglib.h>

namespace catamaran {

class LibjpegGuard {
 public:
  LibjpegGuard();
  LibjpegGuard(const LibjpegGuard&) = delete;
  LibjpegGuard& operator=(const LibjpegGuard&) = delete;

  jpeg_error_mgr* manager() { return &errors_.base; }
  // False where libjpeg gave up. The jump passes over the call's frames: no destructors in it.
  template <class Call>
  bool run(Call&& call) {
    if (setjmp(errors_.jump) != 0) return false;  // NOLINT(cert-err52-cpp): libjpeg's own way
    call();
    return true;
  }
  const char* message() const { return errors_.message; }
  bool out_of_memory() const;
  // The file ended where libjpeg wanted more of it.
  bool is_cut_short() const;
  // A progressive file may come in any number of scans, each over the whole picture.
  void limit_scans(jpeg_decompress_struct& info) { info.progress = &scans_; }

 private:
  struct Errors {
    jpeg_error_mgr base;  // first: libjpeg knows the whole by it
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
  };
  [[noreturn]] static void fail(j_common_ptr info);
  static void judge_message(j_common_ptr info, int level);

  static void count_scans(j_common_ptr info);

  Errors errors_{};
  jpeg_progress_mgr scans_{};
};

}  // namespace catamaran
