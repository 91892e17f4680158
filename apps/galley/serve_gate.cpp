#include "serve_gate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace galley::app {
namespace {

constexpr std::string_view kScheme = "Bearer ";

/// "127.0.0.1:7421" -> "127.0.0.1", "[::1]:80" -> "::1".
std::string host_of(std::string_view address) {
  if (address.starts_with('[')) return std::string(address.substr(1, address.find(']') - 1));
  return std::string(address.substr(0, address.find(':')));
}

/// An address cannot be another site's name that was pointed at us.
bool is_address_or_local(std::string_view header) {
  const std::string host = host_of(header);
  in6_addr six{};
  in_addr four{};
  return host == "localhost" || ::inet_pton(AF_INET, host.c_str(), &four) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &six) == 1;
}

bool is_own_origin(std::string_view origin, std::string_view host) {
  return origin == "http://" + std::string(host) || origin == "https://" + std::string(host);
}

}  // namespace

ServeGate::ServeGate(std::string api_key, const std::vector<openai::Route>& routes)
    : api_key_(std::move(api_key)) {
  for (const auto& route : routes)
    if (route.open) open_.push_back(route.method + " " + route.pattern);
}

std::optional<http::Response> ServeGate::check(const http::Request& request,
                                               std::string_view pattern) const {
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  const std::string name = std::string(method) + " " + std::string(pattern);
  if (std::ranges::find(open_, name) != open_.end()) return std::nullopt;
  if (!api_key_.empty()) {
    const std::string_view sent = request.headers.get("Authorization");
    const bool is_bearer = sent.size() > kScheme.size() && sent.starts_with(kScheme);
    if (is_bearer &&
        equal_constant_time(sha256_hex(sent.substr(kScheme.size())), sha256_hex(api_key_)))
      return std::nullopt;
    return openai::error_answer(
        {Errc::unauthenticated,
         is_bearer ? "the API key is wrong" : "this server asks for an API key",
         {},
         {},
         "send it as Authorization: Bearer KEY"});
  }
  const std::string_view host = request.headers.get("Host");
  const std::string_view origin = request.headers.get("Origin");
  if (!is_address_or_local(host))
    return openai::error_answer({Errc::forbidden,
                                 "this server does not answer to the name in the Host header",
                                 {},
                                 {},
                                 "start it with --api-key-file, or ask by its address"});
  if (!origin.empty() && !is_own_origin(origin, host))
    return openai::error_answer({Errc::forbidden,
                                 "a page of another site may not ask without a key",
                                 {},
                                 {},
                                 "start the server with --api-key-file"});
  return std::nullopt;
}

}  // namespace galley::app
