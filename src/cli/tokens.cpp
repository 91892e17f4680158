#include <fmt/format.h>

#include "commands.h"
#include "fields.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

struct TokenOptions {
  std::string name;
  std::string user;  // empty = one's own
  std::string scope;
  std::string team;
  std::string lifetime;
};

std::string base_of(const std::string& user) {
  return user.empty() ? "/api/v1/tokens" : "/api/v1/users/" + encoded(user) + "/tokens";
}

/// What a person wants to know first: whether it still opens anything.
Cell state_of(const Json& token, WallTime now) {
  if (!text_of(token, "revoked_at").empty()) return {"revoked", Style::dim};
  const std::string expires = text_of(token, "expires_at");
  const auto at = parse_rfc3339(expires);
  if (at && *at <= now) return {"expired", Style::dim};
  return {"expires " + relative_time(expires, now)};
}

Result<int> list_tokens(Session& session, const std::string& user) {
  GALLEY_TRY(const Json tokens, session.get(base_of(user)));
  if (session.flags.json) {
    session.print_json(tokens);
    return 0;
  }
  Table table({{.title = "ID"},
               {.title = "NAME", .min_width = 8},
               {.title = "SCOPE"},
               {.title = "TEAM"},
               {.title = "STATE"},
               {.title = "LAST USED", .drop_rank = 1}});
  for (const Json& token : items_of(tokens))
    table.add({{text_of(token, "id")},
               {text_of(token, "name")},
               {text_of(token, "scope")},
               {text_of(token, "team")},
               state_of(token, session.now()),
               {relative_time(text_of(token, "last_used_at"), session.now()), Style::dim}});
  if (table.empty())
    session.note("no tokens yet; `galley tokens create NAME` makes one");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

Result<int> create_token(Session& session, const TokenOptions& options) {
  Json body{{"name", options.name}};
  if (!options.scope.empty()) body["scope"] = options.scope;
  if (!options.team.empty()) body["team"] = options.team;
  if (!options.lifetime.empty()) body["lifetime"] = options.lifetime;
  GALLEY_TRY(const Json made, session.post(base_of(options.user), body));
  if (session.flags.json) {
    session.print_json(made);
    return 0;
  }
  print_out(text_of(made, "token") + "\n");
  session.note(fmt::format("it is shown only now; expires {}; `galley login` takes it",
                           relative_time(text_of(made, "expires_at"), session.now())));
  return 0;
}

Result<int> revoke_token(Session& session, const TokenOptions& options) {
  GALLEY_TRY_STATUS(session.remove(base_of(options.user) + "/" + encoded(options.name)));
  session.note(options.name + " is revoked");
  return 0;
}

}  // namespace

void add_token_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options& options) -> Action {
    auto user = std::make_shared<std::string>();
    options.text("--user", *user, "NAME", "Of this user, for administrators");
    return [&session, user] { return list_tokens(session, *user); };
  };
  commands.push_back(
      {.name = "tokens",
       .help = "Tokens with which programs and other machines log in as you",
       .group = kOtherGroup,
       .aliases = {"token"},
       .examples = {"galley tokens", "galley tokens create ci --scope submit --team nlp",
                    "galley tokens revoke tok_01hzzzzzzzzzzzzzzzzzzzzzzz"},
       .define = list,
       .children = {
           {.name = "list", .help = "Yours, or a user's", .define = list},
           {.name = "create",
            .help = "Make a token; it is printed once",
            .examples = {"galley tokens create laptop",
                         "galley tokens create ci --scope submit --team nlp --for 30d",
                         "galley tokens create laptop --user ada     for somebody else"},
            .define = [&session](Options& options) -> Action {
              auto wanted = std::make_shared<TokenOptions>();
              options.positional("NAME", wanted->name, "What it is for")
                  .text("--scope", wanted->scope, "SCOPE", "read, submit, deploy or all")
                  .text("--team", wanted->team, "TEAM", "The only team that it may submit to")
                  .text("--for", wanted->lifetime, "TIME", "How long it is good for; 90d if absent")
                  .text("--user", wanted->user, "NAME", "For this user, for administrators");
              return [&session, wanted] { return create_token(session, *wanted); };
            }},
           {.name = "revoke",
            .help = "End a token now",
            .define = [&session](Options& options) -> Action {
              auto wanted = std::make_shared<TokenOptions>();
              options.positional("ID", wanted->name, "Of the token")
                  .text("--user", wanted->user, "NAME", "Of this user, for administrators");
              return [&session, wanted] { return revoke_token(session, *wanted); };
            }}}});
}

}  // namespace galley::cli
