#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "base/text.h"
#include "commands.h"
#include "fields.h"
#include "hidden_input.h"

namespace galley::cli {
namespace {

Result<std::string> ask_for_token(const Session& session, const std::string& server) {
  std::string line;
  if (::isatty(STDIN_FILENO) == 1) {
    print_note(fmt::format(
        "Token for {} (from `galley tokens create`, or in DATA/token on its machine): ", server));
    const HiddenInput hidden;
    std::getline(std::cin, line);
    session.note("");
  } else {
    std::getline(std::cin, line);
  }
  const std::string token(trim(line));
  if (token.empty())
    return Error{Errc::invalid_argument,
                 "galley login: no token was given",
                 {},
                 "--token TOKEN, or the token on standard input"};
  return token;
}

Result<int> login(Session& session) {
  GALLEY_TRY(const Settings settings, session.settings());
  const std::string server = settings.server.value;
  if (server.starts_with("unix:")) {
    GALLEY_TRY(const Json who, session.get("/api/v1/whoami"));
    session.note(fmt::format("{} is on this machine and knows you as {}; no token is needed",
                             server, text_of(who, "principal")));
    return 0;
  }
  std::string token = session.flags.token;
  if (token.empty()) {
    GALLEY_TRY(token, ask_for_token(session, server));
  }
  session.flags.token = token;
  GALLEY_TRY(const Json who, session.get("/api/v1/whoami"));
  GALLEY_TRY_STATUS(store_token(settings, server, token));
  session.note(fmt::format("logged in to {} as {}; the token is in {}", server,
                           text_of(who, "principal"), settings.credentials_file.string()));
  if (settings.server.source != "--server") return 0;
  GALLEY_TRY(const bool stored, store_default_server(settings, server));
  session.note(
      stored ? fmt::format("{} names it as the server from now on", settings.config_file.string())
             : fmt::format("{} is as it was; set GALLEY_SERVER={} to go on using this server",
                           settings.config_file.string(), server));
  return 0;
}

Result<int> login_web(Session& session) {
  GALLEY_TRY(const Json code, session.post("/api/v1/login-codes", Json::object()));
  if (session.flags.json) {
    session.print_json(code);
    return 0;
  }
  print_out(text_of(code, "url") + "\n");
  session.note("open it in a browser; it works once");
  return 0;
}

Result<int> whoami(Session& session) {
  GALLEY_TRY(const Json who, session.get("/api/v1/whoami"));
  if (session.flags.json) {
    session.print_json(who);
    return 0;
  }
  GALLEY_TRY(const Settings settings, session.settings());
  print_out(text_of(who, "principal") + "\n");
  const std::string role = text_of(who, "role");
  session.note(fmt::format("{}at {}, version {}", role.empty() ? "" : role + " ",
                           settings.server.value, text_of(who, "version")));
  return 0;
}

}  // namespace

void add_account_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "login",
       .help = "Store a token for a server, or print a link for the browser",
       .group = kOtherGroup,
       .examples = {"galley login --server http://gpu1:7420    asks for the token",
                    "galley login --server http://gpu1:7420 < token",
                    "galley login --web                        a link that works once"},
       .define = [&session](Options& options) -> Action {
         auto web = std::make_shared<bool>(false);
         options.flag("--web", *web, "Print a link that logs a browser in");
         return [&session, web] { return *web ? login_web(session) : login(session); };
       }});
  commands.push_back({.name = "whoami",
                      .help = "Who the server thinks you are",
                      .group = kOtherGroup,
                      .examples = {"galley whoami"},
                      .define = [&session](Options&) -> Action {
                        return [&session] { return whoami(session); };
                      }});
}

}  // namespace galley::cli
