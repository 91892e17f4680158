# cmake -DOUT=migrations.cpp -P embed_migrations.cmake -- 0001_initial.sql 0002_more.sql
# Turns numbered SQL files into store::migrations(), so that the binary carries its own schema.
set(entries "")
set(after FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  set(argument "${CMAKE_ARGV${i}}")
  if(after)
    get_filename_component(stem "${argument}" NAME_WE)
    if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
      message(FATAL_ERROR "${argument}: a migration is named NNNN_what_it_does.sql")
    endif()
    set(name "${CMAKE_MATCH_2}")
    string(REGEX REPLACE "^0+" "" number "${CMAKE_MATCH_1}")
    file(READ "${argument}" sql)
    string(APPEND entries "    {${number}, \"${name}\", R\"sql(${sql})sql\"},\n")
  elseif(argument STREQUAL "--")
    set(after TRUE)
  endif()
endforeach()
file(WRITE "${OUT}" "#include \"store/database.h\"

namespace galley::store {
namespace {

constexpr Migration kMigrations[] = {
${entries}};

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

}  // namespace galley::store
")
