// What LibTorch throws, in our words: its what() carries a stack trace, which is nothing for a
// user.
#include <c10/util/Exception.h>

#include <new>
#include <string>

#include "trainer/api.h"

namespace catamaran {
namespace {

Error out_of_memory(const std::string& what) {
  return {
      ErrorKind::kInternal, what, "out of memory",
      "lower batch.per_device (the rest of the global batch is accumulated), --batch of eval, or "
      "the size of the model"};
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Error as_error(const std::exception& problem) {
  if (const auto* ours = dynamic_cast<const Error*>(&problem)) return *ours;
  if (dynamic_cast<const std::bad_alloc*>(&problem) != nullptr)
    return out_of_memory("the machine has no more");
  if (const auto* torchs = dynamic_cast<const c10::Error*>(&problem)) {
    const std::string line = first_line(torchs->what_without_backtrace());
    // The CPU's allocator throws a plain c10::Error.
    const bool memory = dynamic_cast<const c10::OutOfMemoryError*>(torchs) != nullptr ||
                        line.find("can't allocate memory") != std::string::npos;
    return memory ? out_of_memory(line) : Error(ErrorKind::kInternal, line, "LibTorch", "");
  }
  return {ErrorKind::kInternal, problem.what(), "", ""};
}

}  // namespace catamaran
