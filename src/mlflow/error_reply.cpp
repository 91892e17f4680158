#include "error_reply.h"

#include <array>

#include "base/json.h"
#include "mlflow/service.h"

namespace galley::mlflow {
namespace {

constexpr std::array kOwnCodes{kAlreadyExists, kInvalidValue, kEndpointNotFound};

int status_of_code(std::string_view code) {
  if (code == "RESOURCE_DOES_NOT_EXIST" || code == kEndpointNotFound) return 404;
  if (code == "UNAUTHENTICATED") return 401;
  if (code == "PERMISSION_DENIED") return 403;
  if (code == "REQUEST_LIMIT_EXCEEDED") return 429;
  if (code == "NOT_IMPLEMENTED") return 501;
  if (code == "TEMPORARILY_UNAVAILABLE") return 503;
  if (code == "INTERNAL_ERROR") return 500;
  return 400;
}

}  // namespace

Error fault(std::string message) { return Error{Errc::invalid_argument, std::move(message)}; }
Error missing(std::string message) { return Error{Errc::not_found, std::move(message)}; }
Error already_there(std::string message) {
  return Error{Errc::conflict, std::move(message), {}, {}, std::string(kAlreadyExists)};
}

std::string_view code_of(const Error& error) {
  for (const std::string_view own : kOwnCodes)
    if (error.hint == own) return own;
  switch (error.code) {
    case Errc::invalid_argument:
    case Errc::too_large:
    case Errc::conflict:
      return kInvalidValue;
    case Errc::not_found:
      return "RESOURCE_DOES_NOT_EXIST";
    case Errc::unauthenticated:
      return "UNAUTHENTICATED";
    case Errc::forbidden:
      return "PERMISSION_DENIED";
    case Errc::rate_limited:
    case Errc::exhausted:
      return "REQUEST_LIMIT_EXCEEDED";
    case Errc::unavailable:
    case Errc::timeout:
      return "TEMPORARILY_UNAVAILABLE";
    case Errc::unsupported:
      return "NOT_IMPLEMENTED";
    case Errc::corrupt:
    case Errc::internal:
      break;
  }
  return "INTERNAL_ERROR";
}

http::Response error_answer(const Error& error) {
  const std::string_view code = code_of(error);
  std::string message = error.message;
  if (!error.expected.empty()) message += "; expected " + error.expected;
  if (!error.hint.empty() && error.hint != code) message += "; " + error.hint;
  auto response = http::Response::json(
      dump_json({{"error_code", code}, {"message", std::move(message)}}), status_of_code(code));
  if (response.status == 429 || response.status == 503) response.headers.set("Retry-After", "1");
  if (response.status == 401) response.headers.set("WWW-Authenticate", "Bearer realm=\"galley\"");
  return response;
}

bool is_path(std::string_view path) {
  for (const std::string_view begin :
       {"/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/3.0/mlflow"})
    if (path.starts_with(begin)) return true;
  return false;
}

}  // namespace galley::mlflow
