#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "commands.h"
#include "http/certificate_authority.h"

namespace galley::cli {
namespace {

struct InitOptions {
  std::vector<std::string> hosts;
  std::string folder;
  std::int64_t days = 825;
};

/// By what names this machine is reached when nobody says more.
std::vector<std::string> usual_names() {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0')
    names.insert(names.begin(), host.data());
  return names;
}

Result<int> init(Session& session, const InitOptions& options) {
  std::vector<std::string> names = options.hosts;
  for (std::string& name : usual_names())
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  std::filesystem::path folder = options.folder;
  if (folder.empty()) {
    GALLEY_TRY(const Settings settings, session.settings());
    folder = std::filesystem::path(settings.data.value) / "tls";
  }
  GALLEY_TRY(const auto files,
             http::make_certificates(folder, {.names = names,
                                              .days = static_cast<int>(std::clamp<std::int64_t>(
                                                  options.days, -1, 1'000'000))}));
  if (session.flags.json) {
    session.print_json({{"ca", files.authority.string()},
                        {"certificate", files.certificate.string()},
                        {"key", files.key.string()},
                        {"names", names},
                        {"new_ca", files.new_authority}});
    return 0;
  }
  print_out(fmt::format("galley up --tls-cert {} --tls-key {}\n", files.certificate.string(),
                        files.key.string()));
  session.note(fmt::format("for {}, {} days, signed by {} authority", fmt::join(names, ", "),
                           options.days, files.new_authority ? "a new" : "the same"));
  session.note(fmt::format("clients trust it by GALLEY_CA={}", files.authority.string()));
  return 0;
}

}  // namespace

void add_tls_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "tls",
       .help = "Certificates for a server of your own",
       .group = kOtherGroup,
       .examples = {"galley tls init --host ml.example.org"},
       .children = {
           {.name = "init",
            .help = "Make an authority and a server's certificate; again, a renewed certificate",
            .examples = {"galley tls init                       for this machine's names",
                         "galley tls init --host ml.example.org --host 10.0.0.7"},
            .define = [&session](Options& options) -> Action {
              auto wanted = std::make_shared<InitOptions>();
              options
                  .texts("--host", wanted->hosts, "NAME", "Further name or address of the server")
                  .text("--out", wanted->folder, "FOLDER", "Where to; DATA/tls when absent")
                  .number("--days", wanted->days, "N", "The certificate is good for so long; 825");
              return [&session, wanted] { return init(session, *wanted); };
            }}}});
}

}  // namespace galley::cli
