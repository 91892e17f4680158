#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "session.h"

namespace galley::cli {

/// A server with OpenAI's API: a Galley that serves language models, or any other by its URL.
/// Blocking, one thread.
class TextServer {
 public:
  /// `url` empty: $GALLEY_URL, else the session's server where one was named, else a `galley serve`
  /// on this machine where one answers, else the session's. `…/v1` at its end is allowed.
  /// Errors: invalid_argument.
  static Result<TextServer> open(Session& session, const std::string& url);

  Result<Json> get(const std::string& target);
  Result<Json> post(const std::string& target, const Json& body);
  Result<std::string> get_bytes(const std::string& target);
  /// One file with a purpose, as multipart/form-data.
  Result<Json> upload(const std::string& name, const std::string& purpose, std::string_view bytes);
  /// Calls `each` with the data of every event until "[DONE]"; false from it stops.
  Status stream(const std::string& target, const Json& body,
                const std::function<bool(const Json&)>& each);

 private:
  TextServer(std::unique_ptr<http::Client> client, std::string prefix)
      : client_(std::move(client)), prefix_(std::move(prefix)) {}
  Result<http::Response> send(http::Client::Call call);

  std::unique_ptr<http::Client> client_;
  std::string prefix_;  // of paths, where the URL has one
};

/// The flags that `generate` and `chat` share, each a field of the request.
class Knobs {
 public:
  Knobs();
  void define(Options& options);
  /// Adds what was given. Errors: invalid_argument naming the flag.
  Status add_to(Json& body) const;

 private:
  std::vector<std::string> values_;  // by place in the table of flags
  std::vector<std::string> stops_;
  std::string schema_file_;
  std::string grammar_file_;
  bool greedy_ = false;
  bool ignore_eos_ = false;
};

}  // namespace galley::cli
