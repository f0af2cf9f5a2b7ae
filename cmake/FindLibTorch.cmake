# Finds LibTorch inside a Python wheel (a site-packages folder) and offers the imported target LibTorch::LibTorch,
# with the CUDA runtime and NCCL that the wheel brings as LibTorch::Cuda and LibTorch::Nccl. find_package(Torch) of
# a CUDA wheel wants a CUDA toolkit of the same version and mixes a system NCCL into the link; no CUDA source is
# compiled here, so neither is needed. With CATAMARAN_WITH_NCCL=OFF only the CPU libraries are linked, and a user's
# own LibTorch (CMAKE_PREFIX_PATH=/path/to/libtorch) works as well.
#   LibTorch_SITE_PACKAGES   folder that holds torch/ and nvidia/; default: the venv that `make setup` linked at build/venv
file(GLOB default_site_packages ${CMAKE_SOURCE_DIR}/build/venv/lib/python3*/site-packages)
set(LibTorch_SITE_PACKAGES "${default_site_packages}" CACHE PATH "site-packages folder that holds torch/ and nvidia/")

find_path(LibTorch_ROOT include/torch/csrc/api/include/torch/torch.h
          HINTS ${LibTorch_SITE_PACKAGES}/torch PATH_SUFFIXES libtorch torch)
set(cuda ${LibTorch_SITE_PACKAGES}/nvidia/cu13)
set(nccl ${LibTorch_SITE_PACKAGES}/nvidia/nccl)
set(required LibTorch_ROOT)
if(CATAMARAN_WITH_NCCL)
  find_path(LibTorch_CUDA_INCLUDE cuda_runtime_api.h HINTS ${cuda}/include NO_DEFAULT_PATH)
  find_file(LibTorch_CUDART libcudart.so.13 HINTS ${cuda}/lib NO_DEFAULT_PATH)
  find_path(LibTorch_NCCL_INCLUDE nccl.h HINTS ${nccl}/include NO_DEFAULT_PATH)
  find_file(LibTorch_NCCL libnccl.so.2 HINTS ${nccl}/lib NO_DEFAULT_PATH)
  list(APPEND required LibTorch_CUDA_INCLUDE LibTorch_CUDART LibTorch_NCCL_INCLUDE LibTorch_NCCL)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS ${required}
  REASON_FAILURE_MESSAGE "Run `make setup` first, or point CMAKE_PREFIX_PATH at your LibTorch (a CPU-only one needs -DCATAMARAN_WITH_NCCL=OFF).")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  set(lib ${LibTorch_ROOT}/lib)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    ${LibTorch_ROOT}/include ${LibTorch_ROOT}/include/torch/csrc/api/include)
  # --no-as-needed: the CUDA back end registers itself from static constructors, no symbol of it is named here.
  target_link_libraries(LibTorch::LibTorch INTERFACE -Wl,--no-as-needed
    ${lib}/libtorch.so ${lib}/libtorch_cpu.so ${lib}/libc10.so)
  if(CATAMARAN_WITH_NCCL)
    add_library(LibTorch::Cuda INTERFACE IMPORTED)
    target_include_directories(LibTorch::Cuda SYSTEM INTERFACE ${LibTorch_CUDA_INCLUDE})
    target_link_libraries(LibTorch::Cuda INTERFACE ${LibTorch_CUDART})
    add_library(LibTorch::Nccl INTERFACE IMPORTED)
    target_include_directories(LibTorch::Nccl SYSTEM INTERFACE ${LibTorch_NCCL_INCLUDE})
    target_link_libraries(LibTorch::Nccl INTERFACE ${LibTorch_NCCL} LibTorch::Cuda)
    target_link_libraries(LibTorch::LibTorch INTERFACE ${lib}/libtorch_cuda.so ${lib}/libc10_cuda.so LibTorch::Nccl)
  endif()
  target_link_libraries(LibTorch::LibTorch INTERFACE -Wl,--as-needed)
endif()
