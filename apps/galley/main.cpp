// The one program: every role and every client command.
#include "agent_role.h"
#include "cli/cli.h"
#include "serve.h"
#include "store_tools.h"
#include "up.h"
#include "upgrade_facts.h"

int main(int argc, char** argv) {
  const galley::cli::Extra extra{
      {{"up", "Everything in one process on this machine: server, scheduler, agent, serving",
        "Roles", galley::app::run_up},
       {"controller", "Server and scheduler for machines that join with `galley agent`", "Roles",
        galley::app::run_controller},
       {"agent", "Runs jobs on this machine for a controller elsewhere", "Roles",
        galley::app::run_agent},
       {"serve", "Language models behind OpenAI's API, and nothing else", "Roles",
        galley::app::run_serve},
       {"store", "Copy, back up, restore and check the records", "Offline",
        galley::app::run_store_tools}},
      galley::app::upgrade_sources()};
  return galley::cli::run_cli(argc, argv, extra);
}
