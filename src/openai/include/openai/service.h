#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http/server.h"
#include "openai/text_models.h"

namespace galley::openai {

struct ServiceOptions {
  /// Files and batches are kept here; empty: there are none.
  std::filesystem::path data;
  std::string version;
  bool warms_up = false;  // /health says that all is ready only after warm_up()
};

/// One path of the API. `open` ones tell nothing that a stranger may not know.
struct Route {
  std::string method;
  std::string pattern;
  http::Run run = http::Run::pool;
  std::string summary;
  bool open = false;
  http::DeferredHandler handler;
};

/// Serves the language models of a process with OpenAI's paths, shapes and errors: parse, hand to
/// the engine, print what comes. Batches of a run before this one go on by themselves.
///
/// Thread-safe. Threads of its own: one for cancelling, one for batches.
class Service {
 public:
  /// `models` and `clock` must outlive it. Errors: those of reading the data folder.
  static Result<std::unique_ptr<Service>> open(TextModels& models, const Clock& clock,
                                               ServiceOptions options);
  /// Requests that run end as cancelled. The server that uses the routes must be gone.
  ~Service();

  /// Everything under /v1. The handlers use this object.
  std::vector<Route> routes();
  /// What a process that serves nothing but language models has besides: /health, /metrics,
  /// /version, /tokenize, /detokenize, /apply-template, and an answer for all other paths.
  std::vector<Route> server_routes();
  /// Routes that take larger bodies than the server's default: files.
  static std::map<std::string, std::size_t, std::less<>> body_bytes_of_route();

  /// Called after each change that outlives its request ("file.add", "file.delete", "batch.create",
  /// "batch.cancel") with what was changed, on the handler's thread. Before the routes are served.
  using Notice = std::function<void(const http::Request&, std::string action, std::string subject)>;
  void on_change(Notice notice);

  /// Answers a short request with each model that is there, through all that a client's passes, and
  /// leaves no trace in the metrics: the first client finds code and memory in place. Blocks until
  /// the engines have answered.
  void warm_up();

  /// From now on new requests are refused with 503, and batches pause; what runs goes on.
  void begin_drain();
  /// No request is being answered.
  bool idle() const;
  /// Counters and gauges in the text form of Prometheus.
  std::string metrics() const;

  struct Impl;

 private:
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

void add_routes(http::Router& router, std::vector<Route> routes);

/// OpenAI's {"error": …}; for the middleware in front of the routes.
http::Response error_answer(const Error& error);

}  // namespace galley::openai
