#include "auth_headers.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/text.h"

namespace galley::api {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return out;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string host_name(std::string_view host_and_port) {
  std::string_view host = host_and_port;
  std::string_view port;
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) return {};
    port = host.substr(end + 1);
    host = host.substr(0, end + 1);
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))) return {};
  return lower(host);
}

bool is_address(std::string_view host) {
  std::string text(host);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return true;
  if (!text.starts_with('[') || !text.ends_with(']')) return false;
  text = text.substr(1, text.size() - 2);
  in6_addr six{};
  return ::inet_pton(AF_INET6, text.c_str(), &six) == 1;
}

bool is_origin_of(std::string_view origin, std::string_view host_header) {
  if (host_header.empty()) return false;
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme))
      return lower(origin.substr(scheme.size())) == lower(host_header);
  return false;
}

std::string media_type(std::string_view content_type) {
  return lower(trim(content_type.substr(0, content_type.find(';'))));
}

std::optional<std::string> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() ||
      lower(authorization.substr(0, kScheme.size())) != kScheme)
    return std::nullopt;
  return std::string(trim(authorization.substr(kScheme.size())));
}

std::optional<std::pair<std::string, std::string>> basic_credentials(
    std::string_view authorization) {
  constexpr std::string_view kScheme = "basic ";
  constexpr std::size_t kMaxBytes = 1024;
  if (lower(authorization.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  const std::string_view coded = trim(authorization.substr(kScheme.size()));
  if (coded.empty() || coded.size() > kMaxBytes || coded.size() % 4 != 0) return std::nullopt;
  std::string plain(coded.size() / 4 * 3, '\0');
  const int length = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(plain.data()),
                                       reinterpret_cast<const unsigned char*>(coded.data()),
                                       static_cast<int>(coded.size()));
  if (length < 0) return std::nullopt;
  plain.resize(static_cast<std::size_t>(length) -
               static_cast<std::size_t>(std::ranges::count(coded.substr(coded.size() - 2), '=')));
  const auto colon = plain.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return std::pair(plain.substr(0, colon), plain.substr(colon + 1));
}

std::optional<std::string> cookie_value(const http::Headers& headers, std::string_view name) {
  for (const std::string_view part : split(headers.get("Cookie"), ';')) {
    const std::string_view pair = trim(part);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name)
      return std::string(pair.substr(equals + 1));
  }
  return std::nullopt;
}

bool accepts(std::string_view header, std::string_view word) {
  for (const std::string_view part : split(header, ',')) {
    const auto semicolon = part.find(';');
    if (lower(trim(part.substr(0, semicolon))) != word) continue;
    if (semicolon == std::string_view::npos) return true;
    const std::string weight = lower(trim(part.substr(semicolon + 1)));
    // "q=0", "q=0.0" and "q=0.000" all say no.
    return !weight.starts_with("q=0") ||
           weight.find_first_not_of("0.", std::string_view("q=").size()) != std::string::npos;
  }
  return false;
}

}  // namespace galley::api
