# What `cmake --install` puts where: a tree that works wherever it is moved to.
#   PREFIX/bin/catamaran
#   PREFIX/lib/catamaran/torch/lib, PREFIX/lib/catamaran/nvidia/*/lib   LibTorch and what it brings, as they lie in the wheel: its
#                                                                        libraries find each other by paths between them
#   PREFIX/share/catamaran/{configs,slurm,monitoring,scripts}
#   PREFIX/share/doc/catamaran/{docs,licenses,README.md,...}
# CATAMARAN_INSTALL_LIBTORCH=OFF leaves LibTorch where it was built with (0.1 GB in place of 4): the program finds it there by its
# whole path. Debian's libraries are the target's own: group runtime of scripts/debian-packages.txt, scripts/install_runtime.sh.
# In the environment of `cmake --install`: DESTDIR, and CATAMARAN_INSTALL_LINKS=1 for hard links to the libraries in place of
# copies, where the file system allows them.
option(CATAMARAN_INSTALL_LIBTORCH "Install LibTorch and NVIDIA's libraries beside the program (OFF: found where they are)" ON)

set(catamaran_libraries lib/catamaran)
if(CATAMARAN_INSTALL_LIBTORCH)
  set(catamaran_rpath $ORIGIN/../${catamaran_libraries}/torch/lib)
  set(nvidia $ORIGIN/../${catamaran_libraries}/nvidia)
else()
  set(catamaran_rpath ${LibTorch_ROOT}/lib)
  set(nvidia ${LibTorch_SITE_PACKAGES}/nvidia)
endif()
if(CATAMARAN_WITH_NCCL)
  list(APPEND catamaran_rpath ${nvidia}/nccl/lib ${nvidia}/cu13/lib)
endif()
# An MPI or HDF5 of the site's own, in no place that the loader looks at by itself.
foreach(library ${MPI_CXX_LIBRARIES} ${HDF5_C_LIBRARIES})
  get_filename_component(folder "${library}" DIRECTORY)
  if(IS_ABSOLUTE "${library}" AND NOT folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES AND NOT folder IN_LIST catamaran_rpath)
    list(APPEND catamaran_rpath ${folder})
  endif()
endforeach()
set_target_properties(catamaran PROPERTIES INSTALL_RPATH "${catamaran_rpath}")

install(TARGETS catamaran RUNTIME DESTINATION bin COMPONENT catamaran)
set(share share/catamaran)
set(doc share/doc/catamaran)
install(DIRECTORY configs DESTINATION ${share} COMPONENT catamaran)
# A site's own settings stay where they are.
install(DIRECTORY slurm DESTINATION ${share} COMPONENT catamaran USE_SOURCE_PERMISSIONS
  PATTERN site.sh EXCLUDE PATTERN site.toml EXCLUDE)
install(PROGRAMS scripts/weights_to_safetensors.py scripts/cat_pytorch.py scripts/export_onnx.py scripts/install_runtime.sh
  DESTINATION ${share}/scripts COMPONENT catamaran)
install(FILES scripts/debian-packages.txt DESTINATION ${share}/scripts COMPONENT catamaran)
foreach(part prometheus grafana)
  if(EXISTS ${PROJECT_SOURCE_DIR}/monitoring/${part})
    install(DIRECTORY monitoring/${part} DESTINATION ${share}/monitoring COMPONENT catamaran)
  endif()
endforeach()
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${doc} COMPONENT catamaran)
install(DIRECTORY docs DESTINATION ${doc} COMPONENT catamaran PATTERN parts EXCLUDE)
# Of what is compiled or linked into the program itself.
foreach(package nlohmann-json3-dev libcli11-dev fonts-dejavu-core)
  if(EXISTS /usr/share/doc/${package}/copyright)
    install(FILES /usr/share/doc/${package}/copyright DESTINATION ${doc}/licenses/${package} COMPONENT catamaran)
  endif()
endforeach()

if(CATAMARAN_INSTALL_LIBTORCH)
  set(sources ${LibTorch_ROOT}/lib)
  set(places torch/lib)
  if(CATAMARAN_WITH_NCCL)
    list(APPEND sources ${LibTorch_SITE_PACKAGES}/nvidia)
    list(APPEND places nvidia)
  endif()
  install(CODE "set(catamaran_sources \"${sources}\")
set(catamaran_places \"${places}\")
set(catamaran_libraries \"${catamaran_libraries}\")
set(catamaran_licenses \"${doc}/licenses\")
set(catamaran_site_packages \"${LibTorch_SITE_PACKAGES}\")
include(\"${PROJECT_SOURCE_DIR}/cmake/install_libraries.cmake\")" COMPONENT libtorch)
endif()
