#include "join_tokens.h"

#include <fmt/format.h>

#include <memory>

#include "base/units.h"
#include "fields.h"
#include "terminal.h"

namespace galley::cli {
namespace {

Result<int> make_join_token(Session& session, const std::string& ttl) {
  Json body = Json::object();
  if (!ttl.empty()) body["ttl_s"] = ttl;
  GALLEY_TRY(const Json made, session.post("/api/v1/nodes/join-tokens", body));
  if (session.flags.json) {
    session.print_json(made);
    return 0;
  }
  GALLEY_TRY(const Settings settings, session.settings());
  print_out(text_of(made, "token") + "\n");
  session.note(
      fmt::format("good for one machine until {}; there: galley agent --controller {} "
                  "--join-token TOKEN",
                  text_of(made, "expires_at"),
                  settings.server.value.starts_with("http") ? settings.server.value : "URL"));
  return 0;
}

Result<int> remove_node(Session& session, const std::string& name) {
  GALLEY_TRY_STATUS(session.remove("/api/v1/nodes/" + encoded(name)));
  session.note("node " + name + " is removed; its agent is refused from now on");
  return 0;
}

}  // namespace

Command join_token_command(Session& session) {
  return {.name = "join-token",
          .help = "A one-time token with which one machine joins",
          .examples = {"galley nodes join-token", "galley nodes join-token --ttl 10m --json"},
          .define = [&session](Options& options) -> Action {
            auto ttl = std::make_shared<std::string>();
            options.text("--ttl", *ttl, "DURATION", "How long it is good for; 1h when absent");
            return [&session, ttl] { return make_join_token(session, *ttl); };
          }};
}

Command remove_node_command(Session& session) {
  return {.name = "remove",
          .help = "Give a machine that has joined up; what runs there is queued again",
          .define = [&session](Options& options) -> Action {
            auto name = std::make_shared<std::string>();
            options.positional("NODE", *name, "Name or id");
            return [&session, name] { return remove_node(session, *name); };
          }};
}

}  // namespace galley::cli
