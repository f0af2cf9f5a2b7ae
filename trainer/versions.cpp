// library_versions and versions_text of trainer/api.h.
#include <mpi.h>
#include <torch/version.h>
#ifdef CATAMARAN_WITH_NCCL
#include <cuda_runtime_api.h>
#include <nccl.h>
#endif

#include <array>
#include <string>

#include "trainer/api.h"

namespace catamaran {

LibraryVersions library_versions() {
  LibraryVersions versions;
  versions.torch = TORCH_VERSION;
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  versions.mpi = std::string(text.data(), static_cast<size_t>(length));
  versions.mpi = versions.mpi.substr(0, versions.mpi.find(','));
#ifdef CATAMARAN_WITH_NCCL
  int nccl = 0;
  ncclGetVersion(&nccl);
  versions.nccl = std::to_string(nccl / 10000) + "." + std::to_string(nccl / 100 % 100) + "." +
                  std::to_string(nccl % 100);
  versions.cuda =
      std::to_string(CUDART_VERSION / 1000) + "." + std::to_string(CUDART_VERSION / 10 % 100);
#else
  versions.nccl = "none";
  versions.cuda = "none";
#endif
  return versions;
}

std::string versions_text(const LibraryVersions& versions) {
  return "LibTorch " + versions.torch + ", NCCL " + versions.nccl + ", CUDA " + versions.cuda +
         ", " + versions.mpi;
}

}  // namespace catamaran
