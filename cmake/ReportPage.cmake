# What the report's page is made of, as read-only data of monitoring/report_assets.cpp: its own style and scripts
# (monitoring/page/) and plotly.min.js of PyPI's plotly, compressed, so that `catamaran report` needs no other file.
#   CATAMARAN_PLOTLY_FILE   plotly.min.js; default: that of the venv which `make setup` linked at build/venv
if(NOT CATAMARAN_PLOTLY_FILE)
  file(GLOB found ${PROJECT_SOURCE_DIR}/build/venv/lib/python3*/site-packages/plotly/package_data/plotly.min.js)
  set(CATAMARAN_PLOTLY_FILE "${found}" CACHE FILEPATH "plotly.min.js of PyPI's plotly; linked into the program" FORCE)
endif()
if(NOT EXISTS "${CATAMARAN_PLOTLY_FILE}")
  message(FATAL_ERROR "plotly.min.js, which draws the report's charts, was not found: run `make setup`, or give "
    "-DCATAMARAN_PLOTLY_FILE=SITE-PACKAGES/plotly/package_data/plotly.min.js of PyPI's plotly (requirements.in)")
endif()
find_program(CATAMARAN_GZIP gzip REQUIRED)

set(report_page ${PROJECT_SOURCE_DIR}/monitoring/page)
set(report_plotly ${PROJECT_BINARY_DIR}/report/plotly.min.js.gz)
file(SHA256 ${CATAMARAN_PLOTLY_FILE} report_plotly_sha256)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/report)
# -n: without name and time, so that the same file gives the same program.
add_custom_command(OUTPUT ${report_plotly}
  COMMAND sh -c "'${CATAMARAN_GZIP}' -9 -n -c '${CATAMARAN_PLOTLY_FILE}' > '${report_plotly}'"
  DEPENDS ${CATAMARAN_PLOTLY_FILE} VERBATIM)
target_sources(monitoring PRIVATE ${report_plotly})
file(GLOB report_page_files CONFIGURE_DEPENDS ${report_page}/*.js ${report_page}/*.css)
set_source_files_properties(${PROJECT_SOURCE_DIR}/monitoring/report_assets.cpp PROPERTIES
  COMPILE_DEFINITIONS "CATAMARAN_REPORT_PAGE=\"${report_page}\";CATAMARAN_PLOTLY_GZIP=\"${report_plotly}\";CATAMARAN_PLOTLY_SHA256=\"${report_plotly_sha256}\""
  OBJECT_DEPENDS "${report_page_files};${report_plotly}")
