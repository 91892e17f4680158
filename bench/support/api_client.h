#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "http/client.h"

namespace galley::support {

/// The owner's JSON conversation with a server, over one kept connection. Requests are never sent
/// twice on their own: whoever drives a server that dies must know what was answered. One thread.
class ApiClient {
 public:
  static Result<ApiClient> open(const std::string& url, const std::string& token);

  /// The parsed answer (null for an empty one). Errors: the answer's problem; the connection's.
  Result<Json> get(const std::string& target);
  Result<Json> post(const std::string& target, const Json& body,
                    const std::string& idempotency_key = {});
  Result<Json> put(const std::string& target, const Json& body);
  Status put_bytes(const std::string& target, std::string bytes);
  /// An answer of any status.
  Result<http::Response> send(http::Client::Call call) { return client_->send(std::move(call)); }
  http::Client& http() { return *client_; }

  /// Polls until the job has ended and answers its record. Errors: timeout; the connection's.
  Result<Json> wait_for_job(const std::string& id, Millis timeout);

 private:
  explicit ApiClient(std::unique_ptr<http::Client> client) : client_(std::move(client)) {}
  Result<Json> json_of(http::Client::Call call);

  std::unique_ptr<http::Client> client_;
};

/// True for the words of states in which a job stays.
bool is_final_state(std::string_view state);

}  // namespace galley::support
