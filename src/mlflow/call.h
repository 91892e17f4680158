#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/message.h"
#include "tracking/records.h"

namespace galley::mlflow {

using tracking::KeyValue;

/// What one request says: the members of its body, or of its query where it has no body. Unknown
/// members are nobody's business, null is absent, and whole numbers may be texts, as protocol
/// buffers print JSON. The request must outlive it.
class Call {
 public:
  /// Errors: invalid_argument (the body is no JSON object).
  static Result<Call> read(const http::Request& request);

  const http::Request& request() const { return *request_; }
  /// The run of the job that asks; empty for people.
  const std::string& own_run() const { return own_run_; }
  bool is_job() const { return !own_run_.empty(); }
  std::string principal() const { return request_->principal; }

  /// Null where it is absent.
  const Json* member(std::string_view name) const;
  bool has(std::string_view name) const { return member(name) != nullptr; }
  /// Errors of all: invalid_argument, naming the member.
  Result<std::string> text(std::string_view name) const;  // present and not empty
  Result<std::string> text_or(std::string_view name, std::string fallback = {}) const;
  Result<std::int64_t> integer_or(std::string_view name, std::int64_t fallback) const;
  /// Between 1 and `most`.
  Result<std::int64_t> max_results(std::int64_t fallback, std::int64_t most) const;
  Result<std::vector<std::string>> texts(std::string_view name) const;
  /// [{"key", "value"}, …]
  Result<std::vector<KeyValue>> pairs(std::string_view name) const;
  /// run_id, or run_uuid as older clients say.
  Result<RunId> run() const;

 private:
  explicit Call(const http::Request& request) : request_(&request) {}

  const http::Request* request_;
  Json members_ = Json::object();
  std::string own_run_;
};

/// The members of one object of a list. Errors: invalid_argument.
Result<std::string> text_in(const Json& object, std::string_view name, std::string fallback = {});
Result<std::int64_t> integer_in(const Json& object, std::string_view name, std::int64_t fallback);

Error required(std::string_view name);

/// What a list answers: where a page begins, and where the next one does.
struct PageOf {
  std::size_t from = 0;
  std::size_t to = 0;
  std::string next_token;
};
/// A page of `count` things in memory. Errors: invalid_argument (the token).
Result<PageOf> page_of(const Call& call, std::size_t count, std::int64_t fallback,
                       std::int64_t most);

}  // namespace galley::mlflow
