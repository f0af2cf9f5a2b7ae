#include "comm/library_facts.h"

#include <dlfcn.h>
#include <mpi.h>

#include <array>
#include <memory>
#ifdef CATAMARAN_WITH_NCCL
#include <nccl.h>
#endif

namespace catamaran {
namespace {

constexpr const char* kTopic = "nccl";
constexpr int64_t kMajor = 10000;

// "OpenPMIx 4.2.2 (PMIx Standard: ...)": its first number with a point.
std::string version_in(const std::string& text) {
  const size_t begin = text.find_first_of("0123456789");
  if (begin == std::string::npos) return text;
  return text.substr(begin, text.find_first_not_of("0123456789.", begin) - begin);
}

}  // namespace

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string whole(text.data(), static_cast<size_t>(length));
  return whole.substr(0, whole.find_first_of(",\n"));
}

std::string pmix_library() {
  // The copy that MPI has loaded, and no other.
  const std::unique_ptr<void, int (*)(void*)> library(
      ::dlopen("libpmix.so.2", RTLD_LAZY | RTLD_NOLOAD),
      [](void* handle) { return handle == nullptr ? 0 : ::dlclose(handle); });
  if (!library) return "";
  using GetVersion = const char* (*)();
  const auto version = reinterpret_cast<GetVersion>(::dlsym(library.get(), "PMIx_Get_version"));
  return version == nullptr ? "" : version_in(version());
}

std::string nccl_version_text(int64_t code) {
  return std::to_string(code / kMajor) + "." + std::to_string(code / 100 % 100) + "." +
         std::to_string(code % 100);
}

NcclFacts nccl_facts() {
  NcclFacts facts;
#ifdef CATAMARAN_WITH_NCCL
  facts.built = true;
  facts.built_code = NCCL_VERSION_CODE;
  int code = 0;
  const ncclResult_t result = ncclGetVersion(&code);
  facts.found_code = code;
  if (result != ncclSuccess) facts.problem = ncclGetErrorString(result);
#endif
  return facts;
}

Finding judge_nccl(const NcclFacts& facts) {
  if (!facts.built) return note(kTopic, "this program was built without NCCL, for the CPU alone");
  const std::string built = nccl_version_text(facts.built_code);
  if (!facts.problem.empty())
    return failure(kTopic, "NCCL does not tell its version: " + facts.problem,
                   "look at `ldd` of the program: which libnccl.so.2 does it find?");
  const std::string what = "NCCL " + nccl_version_text(facts.found_code) + ", built for " + built;
  const std::string advice =
      "look for another libnccl.so.2 in LD_LIBRARY_PATH or LD_PRELOAD: it goes before the one that "
      "this program was linked with";
  if (facts.found_code / kMajor != facts.built_code / kMajor) return failure(kTopic, what, advice);
  if (facts.found_code < facts.built_code) return warning(kTopic, what, advice);
  return facts.found_code == facts.built_code ? fine(kTopic, "NCCL " + built) : note(kTopic, what);
}

}  // namespace catamaran
