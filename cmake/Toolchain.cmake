# What every target shares: the language level, warnings, optimisation and the sanitizers of a preset.
option(GALLEY_TESTS "Build the tests" ON)
option(GALLEY_WERROR "Treat warnings as errors (on in our presets)" OFF)
option(GALLEY_FUZZ "Build the fuzz targets with libFuzzer (needs clang)" OFF)
set(GALLEY_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
# Checks (GALLEY_CHECK) stay on in every build type; -O2 without NDEBUG also keeps the libraries' own asserts.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

find_program(GALLEY_CCACHE ccache)
if(GALLEY_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${GALLEY_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${GALLEY_CCACHE})
endif()
find_program(GALLEY_MOLD mold)
if(GALLEY_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(GALLEY_SANITIZE)
  add_compile_options(-fsanitize=${GALLEY_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${GALLEY_SANITIZE})
endif()
if(GALLEY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=address,undefined)
endif()

add_library(galley_warnings INTERFACE)
target_compile_options(galley_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  -Wno-missing-field-initializers $<$<BOOL:${GALLEY_WERROR}>:-Werror>)
# Several files as one unit (docs/decisions/0014): what a unit holds has the linkage of its files all the same,
# and looking through all of it GCC 12 takes optionals for used before they are set.
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(galley_warnings INTERFACE -Wno-subobject-linkage -Wno-maybe-uninitialized)
endif()
