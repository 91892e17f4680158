// The one program: every role and every client command.
#include "cli/cli.h"
#include "up.h"

int main(int argc, char** argv) {
  const galley::cli::Extra extra{
      {{"up", "Everything in one process on this machine: server, scheduler, agent, serving",
        "Roles", galley::app::run_up}}};
  return galley::cli::run_cli(argc, argv, extra);
}
