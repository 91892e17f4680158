#include "cli/cli.h"

int main(int argc, char** argv) {
  const galley::cli::Extra extra{{{.name = "echo",
                                   .help = "Return the number of arguments",
                                   .group = "Roles",
                                   .run = [](const std::vector<std::string>& words) {
                                     return static_cast<int>(words.size());
                                   }}}};
  return galley::cli::run_cli(argc, argv, extra);
}
