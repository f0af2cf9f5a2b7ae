// Formatted text, checked by the compiler like printf.
//
//   log::info(text("%ld images in %.1f s", images, seconds));
//
// Thread-safe.
#pragma once

#include <string>

namespace catamaran {

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);

}  // namespace catamaran
