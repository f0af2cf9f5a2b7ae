# A part of `cmake --install`: the shared libraries below each of catamaran_sources to the folder of the same number in
# catamaran_places, below PREFIX/catamaran_libraries, and the licences of the wheels that they come from. What only Python uses is
# left out. See cmake/CatamaranInstall.cmake.
function(put from to)
  if("$ENV{CATAMARAN_INSTALL_LINKS}")
    get_filename_component(folder "$ENV{DESTDIR}${to}" DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    file(REMOVE "$ENV{DESTDIR}${to}")
    file(CREATE_LINK ${from} "$ENV{DESTDIR}${to}" COPY_ON_ERROR)
  else()
    get_filename_component(folder ${to} DIRECTORY)
    file(INSTALL DESTINATION ${folder} TYPE SHARED_LIBRARY FILES ${from})
  endif()
endfunction()

foreach(source place IN ZIP_LISTS catamaran_sources catamaran_places)
  file(GLOB_RECURSE libraries RELATIVE ${source} ${source}/*.so ${source}/*.so.*)
  foreach(library ${libraries})
    if(NOT library MATCHES "libtorch_python|libshm")
      put(${source}/${library} ${CMAKE_INSTALL_PREFIX}/${catamaran_libraries}/${place}/${library})
    endif()
  endforeach()
endforeach()

file(GLOB wheels RELATIVE ${catamaran_site_packages} ${catamaran_site_packages}/torch-*.dist-info
  ${catamaran_site_packages}/nvidia_*.dist-info)
foreach(wheel ${wheels})
  string(REGEX REPLACE "\\.dist-info$" "" name ${wheel})
  file(GLOB_RECURSE licenses RELATIVE ${catamaran_site_packages}/${wheel} ${catamaran_site_packages}/${wheel}/LICENSE*
    ${catamaran_site_packages}/${wheel}/License* ${catamaran_site_packages}/${wheel}/NOTICE*)
  foreach(license ${licenses})
    get_filename_component(folder ${CMAKE_INSTALL_PREFIX}/${catamaran_licenses}/${name}/${license} DIRECTORY)
    file(INSTALL DESTINATION ${folder} TYPE FILE FILES ${catamaran_site_packages}/${wheel}/${license})
  endforeach()
endforeach()
