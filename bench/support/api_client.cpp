#include "api_client.h"

#include <nlohmann/json.hpp>
#include <thread>

namespace galley::support {
namespace {

constexpr Millis kTimeout{20'000};
constexpr Millis kPollInterval{5};

}  // namespace

Result<ApiClient> ApiClient::open(const std::string& url, const std::string& token) {
  GALLEY_TRY(auto client,
             http::Client::open(
                 {.server = url, .bearer_token = token, .timeout = kTimeout, .retries = 0}));
  return ApiClient(std::move(client));
}

Result<Json> ApiClient::json_of(http::Client::Call call) {
  if (!call.body.empty() && !call.headers.has("Content-Type"))
    call.headers.set("Content-Type", "application/json");
  GALLEY_TRY(const auto answer, http::expect_ok(client_->send(std::move(call))));
  if (answer.body.empty()) return Json(nullptr);
  return parse_json(answer.body);
}

Result<Json> ApiClient::get(const std::string& target) {
  return json_of({.method = "GET", .target = target});
}

Result<Json> ApiClient::post(const std::string& target, const Json& body,
                             const std::string& idempotency_key) {
  http::Client::Call call{.method = "POST", .target = target, .body = dump_json(body)};
  if (!idempotency_key.empty()) call.headers.set("Idempotency-Key", idempotency_key);
  return json_of(std::move(call));
}

Result<Json> ApiClient::put(const std::string& target, const Json& body) {
  return json_of({.method = "PUT", .target = target, .body = dump_json(body)});
}

Status ApiClient::put_bytes(const std::string& target, std::string bytes) {
  http::Client::Call call{.method = "PUT", .target = target, .body = std::move(bytes)};
  call.headers.set("Content-Type", "application/octet-stream");
  GALLEY_TRY_STATUS(json_of(std::move(call)));
  return ok();
}

Result<Json> ApiClient::wait_for_job(const std::string& id, Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    GALLEY_TRY(Json job, get("/api/v1/jobs/" + id));
    if (is_final_state(job.at("state").get<std::string>())) return job;
    if (std::chrono::steady_clock::now() > deadline)
      return Error{Errc::timeout, "job " + id + " is still " + job.at("state").get<std::string>() +
                                      " after " + std::to_string(timeout.count()) + " ms"};
    std::this_thread::sleep_for(kPollInterval);
  }
}

bool is_final_state(std::string_view state) {
  return state == "succeeded" || state == "failed" || state == "cancelled";
}

}  // namespace galley::support
