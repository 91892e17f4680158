#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "process/attempt_files.h"
#include "process/supervisor.h"

namespace {

bool parse_fd(std::string_view text, int& fd) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
  return error == std::errc{} && end == text.data() + text.size() && fd > 2;
}

/// What a shell would say of the command; 1 when its status cannot be read.
int code_of_command(const std::filesystem::path& folder) {
  constexpr std::int64_t kMostBytes = 1024 * 1024;
  const auto text = galley::read_file(folder / galley::process::attempt_file::kExit, kMostBytes);
  if (!text) return 1;
  const auto exit = galley::process::parse_exit(*text);
  return exit ? exit->shell_code() : 1;
}

}  // namespace

int main(int argc, char** argv) {
  galley::process::SupervisorOptions options;
  const bool as_command = argc == 3 && std::string_view(argv[2]) == "as-command";
  const bool understood =
      argc == 2 || as_command ||
      (argc == 4 && parse_fd(argv[2], options.lock_fd) && parse_fd(argv[3], options.ready_fd));
  if (!understood) {
    std::fputs(
        "usage: galley-job ATTEMPT_DIR [as-command | LOCK_FD READY_FD]\n"
        "Runs the command of ATTEMPT_DIR/spec.json once; see docs/formats/attempt.md.\n",
        stderr);
    return 2;
  }
  options.folder = argv[1];
  const int code = galley::process::run_supervisor(options);
  return code == 0 && as_command ? code_of_command(options.folder) : code;
}
