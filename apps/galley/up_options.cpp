#include "up_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/topology_file.h"

namespace galley::app {
namespace {

constexpr int kUsage = 2;

struct MachineTexts {
  std::string topology;  // a file
  std::string shareable_gpus;
};

Status read_machine(const MachineTexts& texts, UpOptions& options) {
  if (!texts.topology.empty()) {
    GALLEY_TRY(options.topology, cli::read_topology_file(texts.topology));
  }
  if (!texts.shareable_gpus.empty()) {
    GALLEY_TRY(options.shareable_gpus, agent::parse_shareable_gpus(texts.shareable_gpus));
  }
  return ok();
}

}  // namespace

std::variant<UpOptions, int> parse_up_options(const std::vector<std::string>& arguments) {
  CLI::App app(
      "Runs everything in this process: server, scheduler, agent and serving.\n\n"
      "Examples:\n"
      "  galley up                              on http://127.0.0.1:7420, data in the default "
      "folder\n"
      "  galley up --data /srv/galley           data elsewhere\n"
      "  galley up --listen 0.0.0.0:7420 --host ml.example.org --tls-cert c.pem --tls-key k.pem\n\n"
      "Ctrl-C stops the server; jobs that run go on, and the next `galley up` takes them up "
      "again.\n",
      "galley up");
  UpOptions options;
  std::string data = cli::default_data_folder();
  std::vector<std::string> listen;
  app.add_option("--data", data, "Folder that holds everything this installation knows")
      ->envname("GALLEY_DATA")
      ->capture_default_str();
  app.add_option("--listen", listen, "Address and port for browsers and programs; port 0 takes any")
      ->envname("GALLEY_LISTEN")
      ->default_str("127.0.0.1:7420");
  app.add_option("--host", options.hosts, "Further host name by which browsers reach this server");
  auto* certificate =
      app.add_option("--tls-cert", options.tls_certificate, "Certificate chain (PEM): serve https");
  auto* key = app.add_option("--tls-key", options.tls_key, "Its private key (PEM)");
  certificate->needs(key);
  key->needs(certificate);
  MachineTexts machine;
  app.add_option("--topology", machine.topology,
                 "File that states which GPUs lie close together, instead of asking nvidia-smi")
      ->envname("GALLEY_TOPOLOGY");
  app.add_option("--shareable-gpus", machine.shareable_gpus,
                 "GPUs of which several jobs may have parts: all, or numbers such as 0,1")
      ->envname("GALLEY_SHAREABLE_GPUS");
  app.add_flag("--verbose", options.verbose, "Log more");
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (auto status = read_machine(machine, options); !status) {
    fmt::print(stderr, "galley up: {}\n", describe(status.error()));
    return kUsage;
  }
  options.data = data;
  if (!listen.empty()) options.listen = std::move(listen);
  return options;
}

}  // namespace galley::app
