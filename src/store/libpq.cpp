#include "libpq.h"

#include <dlfcn.h>

namespace galley::store {
namespace {

constexpr const char* kLibrary = "libpq.so.5";

Error missing(const std::string& why) {
  return Error{Errc::not_found,
               "PostgreSQL's client library cannot be used: " + why,
               {},
               {},
               "install it (Debian: apt-get install libpq5)"};
}

Result<Libpq> open_library() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);  // until the program ends
  if (library == nullptr) return missing(::dlerror());
  Libpq functions;
#define GALLEY_LIBPQ_LOAD(name)                                                         \
  functions.name = reinterpret_cast<decltype(functions.name)>(::dlsym(library, #name)); \
  if (functions.name == nullptr) return missing("it is too old and lacks " #name);
  GALLEY_LIBPQ_FUNCTIONS(GALLEY_LIBPQ_LOAD)
#undef GALLEY_LIBPQ_LOAD
  return functions;
}

const Result<Libpq>& library() {
  static const Result<Libpq> opened = open_library();
  return opened;
}

}  // namespace

Status load_libpq() { return library() ? ok() : Status(library().error()); }

const Libpq& pq() { return *library(); }

}  // namespace galley::store
