#include "up_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/units.h"
#include "cli/cli.h"
#include "listen_check.h"

namespace galley::app {
namespace {

constexpr int kUpUsage = 2;

void add_slurm_options(CLI::App& app, SlurmOptions& slurm) {
  app.add_option("--slurm", slurm.partition,
                 "Partition of the site's Slurm to which jobs with `executor: slurm` go; its nodes "
                 "must see the data folder")
      ->envname("GALLEY_SLURM");
  app.add_option("--sbatch-argument", slurm.sbatch_arguments,
                 "Further argument of every sbatch, such as --sbatch-argument=--account=ml");
}

struct SiteTexts {
  std::string data = cli::default_data_folder();
  std::vector<std::string> listen;
  std::string node_timeout;
  bool insecure = false;
};

void add_site_options(CLI::App& app, SiteTexts& texts, SiteOptions& options) {
  app.add_option("--data", texts.data, "Folder that holds everything this installation knows")
      ->envname("GALLEY_DATA")
      ->capture_default_str();
  app.add_option("--database", options.database,
                 "Where the records are kept, as postgresql://USER@HOST:PORT/NAME; the password "
                 "is better kept in ~/.pgpass than here")
      ->envname("GALLEY_DATABASE")
      ->default_str("galley.db in the data folder");
  app.add_option("--listen", texts.listen,
                 "Address and port for browsers and programs; port 0 takes any")
      ->envname("GALLEY_LISTEN")
      ->default_str("127.0.0.1:7420");
  app.add_option("--host", options.hosts, "Further host name by which browsers reach this server");
  auto* certificate =
      app.add_option("--tls-cert", options.tls_certificate, "Certificate chain (PEM): serve https");
  auto* key = app.add_option("--tls-key", options.tls_key, "Its private key (PEM)");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--secrets-key", options.secrets_key,
                 "File (mode 600) with the key under which the secrets of teams are stored; all "
                 "controllers of one database need the same")
      ->envname("GALLEY_SECRETS_KEY")
      ->default_str("secrets.key in the data folder");
  app.add_flag("--insecure", texts.insecure,
               "Serve other machines without TLS: tokens cross the network in clear")
      ->envname("GALLEY_INSECURE");
  app.add_option("--user-requests-per-s", options.user_requests_per_s,
                 "A user who sends more is told to wait; ten times as many at once are fine")
      ->check(CLI::Range(0.1, 1e6))
      ->capture_default_str();
  app.add_option("--prices", options.prices,
                 "Price list (CSV) of this site's GPUs, for what jobs cost; others are taken from "
                 "the list that comes with the program")
      ->envname("GALLEY_PRICES")
      ->check(CLI::ExistingFile);
  app.add_option("--refit-after", options.rows_of_a_fit,
                 "The estimator of runtimes is fitted again after so many newly measured jobs")
      ->envname("GALLEY_REFIT_AFTER")
      ->check(CLI::Range(8, 1'000'000))
      ->capture_default_str();
  app.add_option("--node-timeout", texts.node_timeout,
                 "A machine that is silent for so long is given up, such as 30s")
      ->default_str("10s");
  app.add_flag("--verbose", options.verbose, "Log more");
}

Status read_site(SiteTexts texts, SiteOptions& options) {
  options.data = std::move(texts.data);
  if (!texts.listen.empty()) options.listen = std::move(texts.listen);
  GALLEY_TRY_STATUS(check_listen(options.listen, !options.tls_certificate.empty(), texts.insecure));
  if (texts.node_timeout.empty()) return ok();
  GALLEY_TRY(options.node_timeout, parse_duration(texts.node_timeout));
  constexpr Millis kShortest{1'000};
  if (options.node_timeout >= kShortest) return ok();
  return Error{Errc::invalid_argument, "a machine cannot be given up so soon", "--node-timeout",
               "1s or longer"};
}

/// The exit code when there is nothing left to do (--help, a mistake).
std::optional<int> parse(CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUpUsage;
  }
  return std::nullopt;
}

int refuse(const char* role, const Error& error) {
  fmt::print(stderr, "galley {}: {}\n", role, describe(error));
  return kUpUsage;
}

Status read_language(const std::vector<std::string>& models, const std::string& kv_memory,
                     SiteOptions& options) {
  for (const std::string& text : models) {
    GALLEY_TRY(auto model, parse_named_model(text, "--model"));
    options.language_models.push_back(std::move(model));
  }
  if (kv_memory.empty()) return ok();
  GALLEY_TRY(const auto bytes, parse_bytes(kv_memory));
  options.kv_memory_bytes = static_cast<std::size_t>(bytes);
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
  SiteTexts site;
  MachineTexts machine;
  add_site_options(app, site, options);
  add_machine_options(app, machine);
  add_slurm_options(app, options.slurm);
  std::vector<std::string> models;
  std::string kv_memory;
  app.add_option("--model", models, "[NAME=]PATH of a language model to serve with OpenAI's API");
  app.add_option("--kv-memory", kv_memory,
                 "Memory for the keys and values of its answers, such as 2GiB");
  if (const auto code = parse(app, arguments)) return *code;
  auto status = read_machine(machine, options.machine);
  if (status) status = read_language(models, kv_memory, options);
  if (status) status = read_site(std::move(site), options);
  if (!status) return refuse("up", status.error());
  return options;
}

std::variant<SiteOptions, int> parse_controller_options(const std::vector<std::string>& arguments) {
  CLI::App app(
      "Serves, schedules and keeps the records, and runs no jobs itself: machines join it with "
      "`galley agent`.\n\n"
      "Examples:\n"
      "  galley controller --listen 0.0.0.0:7420 --tls-cert c.pem --tls-key k.pem\n"
      "  galley nodes join-token                for each machine that is to join\n"
      "  galley controller --database postgresql://galley@db/galley --data /srv/galley --name a\n"
      "                                         one of several: one leads, the others stand by; "
      "all\n"
      "                                         share the data folder\n",
      "galley controller");
  SiteOptions options;
  SiteTexts site;
  add_site_options(app, site, options);
  app.add_option("--name", options.name,
                 "Name among the controllers of one PostgreSQL; host and port when absent")
      ->check([](const std::string& name) {
        const bool fits = !name.empty() && name.size() <= 64 &&
                          name.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                              "XYZ0123456789._-") == std::string::npos &&
                          name.front() != '.';
        return fits ? std::string() : std::string("use letters, digits, '.', '_' and '-'");
      });
  app.add_flag("--warm", options.warm, "Take the lead only when no other controller does");
  if (const auto code = parse(app, arguments)) return *code;
  if (auto status = read_site(std::move(site), options); !status)
    return refuse("controller", status.error());
  return options;
}

std::variant<AgentOptions, int> parse_agent_options(const std::vector<std::string>& arguments) {
  CLI::App app(
      "Runs jobs on this machine for a controller elsewhere.\n\n"
      "Examples:\n"
      "  galley agent --controller https://ml.example.org:7420 --join-token galley-join-...\n"
      "  galley agent                           again, once it has joined\n\n"
      "Ctrl-C stops the agent; jobs that run go on, and the next `galley agent` takes them up "
      "again.\n",
      "galley agent");
  AgentOptions options;
  MachineTexts machine;
  std::string data = cli::default_data_folder();
  app.add_option("--data", data, "Folder that holds what this agent knows and what its jobs write")
      ->envname("GALLEY_DATA")
      ->capture_default_str();
  app.add_option("--controller", options.controllers,
                 "http://HOST:PORT of the controller; several are separated by commas")
      ->delimiter(',')
      ->envname("GALLEY_CONTROLLER");
  app.add_option("--join-token", options.join_token, "What `galley nodes join-token` printed")
      ->envname("GALLEY_JOIN_TOKEN");
  app.add_option("--name", options.name, "Name of this node; the host's when absent");
  app.add_option("--address", options.address,
                 "Where other nodes reach this one; as the controller sees it when absent");
  app.add_option("--ca-file", options.ca_file, "Certificates (PEM) that vouch for the controller");
  add_machine_options(app, machine);
  add_slurm_options(app, options.slurm);
  app.add_flag("--verbose", options.verbose, "Log more");
  if (const auto code = parse(app, arguments)) return *code;
  if (auto status = read_machine(machine, options.machine); !status)
    return refuse("agent", status.error());
  options.data = data;
  return options;
}

}  // namespace galley::app
