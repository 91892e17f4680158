# The libraries of docs/dependencies.md, each found once. Names that Debian ships without a usable CMake file are made here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(simdjson REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)

# SOCI has no CMake configuration in Debian.
add_library(soci_all INTERFACE)
target_include_directories(soci_all SYSTEM INTERFACE /usr/include/soci)
target_link_libraries(soci_all INTERFACE soci_core soci_sqlite3)

if(GALLEY_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()
