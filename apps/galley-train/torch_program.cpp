#include "torch_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

galley::Error become_torch_program(char** arguments) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / "galley-train-torch").string();
  // Its workers are threads with a core each: a BLAS that split every product over all cores again
  // would only get in their way, and it reads these once, when it is loaded.
  ::setenv("OMP_NUM_THREADS", "1", 1);
  ::setenv("OPENBLAS_NUM_THREADS", "1", 1);
  ::execv(program.c_str(), arguments);
  if (errno == ENOENT)
    return {galley::Errc::not_found,
            "this is trained by " + program + ", which is not there",
            {},
            {},
            "it is built where CMake finds libtorch (Debian: libtorch-dev, libopenblas0-openmp)"};
  return galley::system_error("starting " + program, errno);
}
