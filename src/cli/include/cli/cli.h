#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/upgrade.h"

namespace galley::cli {

/// A command that the composition root adds, such as `up`: the roles are not linked into this
/// library. It gets its own arguments, preceded by the global options that stood before its name
/// ("galley --data D up" gives {"--data", "D"}), answers `--help` itself, and returns the exit
/// code.
struct ExtraCommand {
  std::string name;
  std::string help;   // one line of `galley --help`
  std::string group;  // heading there, such as "Roles"
  std::function<int(const std::vector<std::string>& arguments)> run;
};

struct Extra {
  std::vector<ExtraCommand> commands;
  UpgradeSources upgrade{};  // for `doctor --upgrade` and `version --json`
};

/// Runs one command line and returns its exit code: 0 done, 1 the thing asked for failed, 2 wrong
/// usage, 3 not found, 4 refused by policy or auth, 5 the server could not be reached, 130
/// interrupted; `run` and `submit --wait` return the job's own. Data goes to stdout, notes and
/// errors to stderr. `bench` replaces this process by galley-bench, which stands
/// beside the executable. One call at a time; nothing is kept between calls.
int run_cli(int argc, char** argv, const Extra& extra);

/// Where `galley up` and its clients meet when nothing else is said: $GALLEY_DATA, else
/// ~/.local/share/galley.
std::string default_data_folder();

}  // namespace galley::cli
