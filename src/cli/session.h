#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "http/client.h"
#include "settings.h"
#include "terminal.h"

namespace galley::cli {

/// What a command works with: the options common to all, the terminal, and the server, which is
/// looked for only when a command first needs it. One thread.
class Session {
 public:
  Session();

  GlobalFlags flags;
  const Terminal terminal;
  WallTime now() const;

  Result<Settings> settings();
  /// Another connection to the same server, for a stream beside ordinary requests.
  Result<std::unique_ptr<http::Client>> connect(std::chrono::milliseconds timeout);

  /// Answers below 400. Errors: those of the connection, with the next step as hint; problems.
  Result<http::Response> send(http::Client::Call call);
  Result<Json> get(const std::string& target);
  Result<Json> post(const std::string& target, const Json& body);
  /// `if_match` is the ETag of what the change was made from; empty = whatever is there.
  Result<Json> put(const std::string& target, const Json& body, const std::string& if_match = {});
  Status remove(const std::string& target);
  /// As post, and repeated under one Idempotency-Key when the connection breaks before the answer.
  Result<Json> post_once(const std::string& target, const Json& body);
  /// All items of a list, following its cursor up to `limit` items; as one {items} document.
  Result<Json> list(const std::string& target, std::int64_t limit);

  /// The document of the last refusal, for members that an Error has no place for (guide).
  const Json& problem() const { return problem_; }

  /// Prints a document as --json does.
  void print_json(const Json& json) const;
  /// A line on stderr.
  void note(std::string_view line) const;

 private:
  /// Connects to a server of the list in settings, or to the one that says that it leads.
  Status open_client(const std::string& server);
  /// Sends, and goes on to other controllers where this one is gone or does not lead.
  Result<http::Response> ask_each(const http::Client::Call& call, bool repeatable);
  Result<http::Response> send_to_leader(const http::Client::Call& call);
  Result<Json> send_json(std::string_view method, const std::string& target, const Json& body,
                         http::Headers headers = {});

  std::unique_ptr<http::Client> client_;
  std::string server_;  // that client_ talks to
  Json problem_;
};

/// 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused, 5 not reached.
int exit_code_of(Errc code);

/// Percent-encodes one segment of a path or one value of a query.
std::string encoded(std::string_view text);

}  // namespace galley::cli
