#include "monitoring/report_assets.h"

#include "monitoring/html_text.h"
#include "support/assert.h"

// Files become read-only data of this object; several of a symbol stand one behind the other.
#define CATAMARAN_ASSET_BEGIN(name) \
  ".pushsection .rodata\n"          \
  ".balign 16\n"                    \
  ".globl catamaran_" name          \
  "_begin\n"                        \
  "catamaran_" name "_begin:\n"
#define CATAMARAN_ASSET_FILE(file) ".incbin \"" file "\"\n"
#define CATAMARAN_ASSET_END(name) \
  ".globl catamaran_" name        \
  "_end\n"                        \
  "catamaran_" name               \
  "_end:\n"                       \
  ".byte 0\n"                     \
  ".popsection\n"

__asm__(CATAMARAN_ASSET_BEGIN("report_style")                            //
        CATAMARAN_ASSET_FILE(CATAMARAN_REPORT_PAGE "/report.css")        //
        CATAMARAN_ASSET_END("report_style")                              //
        CATAMARAN_ASSET_BEGIN("report_script")                           //
        CATAMARAN_ASSET_FILE(CATAMARAN_REPORT_PAGE "/theme.js")          //
        CATAMARAN_ASSET_FILE(CATAMARAN_REPORT_PAGE "/tables.js")         //
        CATAMARAN_ASSET_FILE(CATAMARAN_REPORT_PAGE "/charts.js")         //
        CATAMARAN_ASSET_FILE(CATAMARAN_REPORT_PAGE "/choice_charts.js")  //
        CATAMARAN_ASSET_FILE(CATAMARAN_REPORT_PAGE "/main.js")           //
        CATAMARAN_ASSET_END("report_script")                             //
        CATAMARAN_ASSET_BEGIN("plotly")                                  //
        CATAMARAN_ASSET_FILE(CATAMARAN_PLOTLY_GZIP)                      //
        CATAMARAN_ASSET_END("plotly"));

extern "C" const char catamaran_report_style_begin[];
extern "C" const char catamaran_report_style_end[];
extern "C" const char catamaran_report_script_begin[];
extern "C" const char catamaran_report_script_end[];
extern "C" const char catamaran_plotly_begin[];
extern "C" const char catamaran_plotly_end[];

namespace catamaran {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

std::string_view report_style() {
  return between(catamaran_report_style_begin, catamaran_report_style_end);
}

std::string_view report_script() {
  return between(catamaran_report_script_begin, catamaran_report_script_end);
}

std::string_view plotly_gzip() { return between(catamaran_plotly_begin, catamaran_plotly_end); }

std::string_view plotly_sha256() { return CATAMARAN_PLOTLY_SHA256; }

std::string_view plotly_licence() {
  return "plotly.js, Copyright (c) 2012-2026 Plotly, Inc.\n\n"
         "The MIT License (MIT)\n\n"
         "Permission is hereby granted, free of charge, to any person obtaining a copy of this "
         "software and associated documentation files (the \"Software\"), to deal in the Software "
         "without restriction, including without limitation the rights to use, copy, modify, "
         "merge, publish, distribute, sublicense, and/or sell copies of the Software, and to "
         "permit "
         "persons to whom the Software is furnished to do so, subject to the following "
         "conditions:\n\n"
         "The above copyright notice and this permission notice shall be included in all copies or "
         "substantial portions of the Software.\n\n"
         "THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, "
         "INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR "
         "PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE "
         "LIABLE "
         "FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR "
         "OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER "
         "DEALINGS IN THE SOFTWARE.";
}

std::string policy_source(std::string_view sha256_hexadecimal) {
  CATAMARAN_ASSERT(sha256_hexadecimal.size() == 64, "SHA-256 has 32 bytes");
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i < sha256_hexadecimal.size(); i += 2)
    bytes +=
        static_cast<char>(16 * digit(sha256_hexadecimal[i]) + digit(sha256_hexadecimal[i + 1]));
  return "'sha256-" + base64(bytes) + "'";
}

}  // namespace catamaran
