# catamaran_folder(NAME DEPENDS folder... LINKS target... [PRIVATE_LINKS target...] [TORCH])
#
# One static library per folder of the house. Its public headers are reachable as "NAME/header.h" only by targets that
# link it: each folder gets an include root of its own, build/public/NAME with one link NAME -> source/NAME, so a wrong
# include does not compile (shared roots would let it: tests/must_not_compile shows it). Headers are a FILE_SET, so that
# `all_verify_interface_header_sets` compiles each one alone. TORCH: the folder sees torch/torch.h, precompiled.
function(catamaran_folder name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TORCH" "" "DEPENDS;LINKS;PRIVATE_LINKS")
  set(root ${PROJECT_BINARY_DIR}/public/${name})
  file(MAKE_DIRECTORY ${root})
  if(NOT EXISTS ${root}/${name})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${name} ${root}/${name} SYMBOLIC)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  file(GLOB header_names CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/${name} ${PROJECT_SOURCE_DIR}/${name}/*.h)
  list(TRANSFORM header_names PREPEND ${root}/${name}/ OUTPUT_VARIABLE headers)

  add_library(${name} STATIC ${sources})
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${root} FILES ${headers})
  target_link_libraries(${name} PUBLIC ${arg_DEPENDS} ${arg_LINKS} PRIVATE catamaran_warnings ${arg_PRIVATE_LINKS})
  if(arg_TORCH)
    target_link_libraries(${name} PUBLIC LibTorch::LibTorch)
    target_precompile_headers(${name} PRIVATE <torch/torch.h>)
    # GCC instantiates every template that torch.h leaves pending again in each source, some ten seconds of it: several
    # sources are compiled as one.
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()
