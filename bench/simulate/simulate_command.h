#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace galley::bench {

/// `galley simulate` as it was typed.
struct SimulateCommand {
  std::string jobs;     // folder or file; empty: the server's history
  std::string cluster;  // short form or file; empty: the server's nodes
  std::string policies = "galley,fifo-skip,easy-exact,quota-bestfit";
  std::string guarantees = "share";  // or "none"; where the cluster states none
  std::string html;                  // file to write; empty: none
  std::string what_if;               // "add 4xH100x8"; empty: none
  std::string from_history;          // "30d": only jobs submitted that long before the last one
  std::string server, data, token;
  std::uint64_t seed = 1;
  std::uint32_t threads = 0;
  bool json = false;
};

/// Declares the options and the help of the command.
void add_simulate_options(CLI::App& app, SimulateCommand& command);

/// Does it: progress to stderr, tables for people to stdout unless `json`. `galley` is the program
/// that is asked for a server's history. Answers the document that --json prints.
/// Errors: not_found, invalid_argument (files, options), those of the server, internal.
Result<Json> run_simulate(const SimulateCommand& command, const std::filesystem::path& galley);

}  // namespace galley::bench
