#include <charconv>
#include <cstdio>
#include <string_view>

#include "process/supervisor.h"

namespace {

bool parse_fd(std::string_view text, int& fd) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
  return error == std::errc{} && end == text.data() + text.size() && fd > 2;
}

}  // namespace

int main(int argc, char** argv) {
  galley::process::SupervisorOptions options;
  const bool understood = argc == 2 || (argc == 4 && parse_fd(argv[2], options.lock_fd) &&
                                        parse_fd(argv[3], options.ready_fd));
  if (!understood) {
    std::fputs(
        "usage: galley-job ATTEMPT_DIR [LOCK_FD READY_FD]\n"
        "Runs the command of ATTEMPT_DIR/spec.json once; see docs/formats/attempt.md.\n",
        stderr);
    return 2;
  }
  options.folder = argv[1];
  return galley::process::run_supervisor(options);
}
