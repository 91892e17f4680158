#include "client_address.h"

#include <algorithm>

namespace galley::http {
namespace {

Error unreadable_url(std::string_view text, std::string_view why) {
  return {Errc::invalid_argument,
          "'" + std::string(text.substr(0, 200)) +
              "' is not the address of a server: " + std::string(why),
          {},
          "http://HOST:PORT, https://HOST:PORT or unix:PATH"};
}

bool is_plain(char c) { return c > 0x20 && c < 0x7f && c != '@' && c != '\\'; }

}  // namespace

Result<ServerAddress> parse_server(std::string_view text) {
  ServerAddress address;
  address.text = text;
  if (text.starts_with("unix:")) {
    address.path = text.substr(5);
    address.authority = "localhost";
    if (address.path.empty() || address.path.find('\0') != std::string::npos)
      return unreadable_url(text, "the path is empty");
    return address;
  }
  address.tls = text.starts_with("https://");
  if (!address.tls && !text.starts_with("http://"))
    return unreadable_url(text, "it begins with none of http://, https:// and unix:");
  auto authority = text.substr(address.tls ? 8 : 7);
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (authority.find_first_of("/?#") != std::string_view::npos)
    return unreadable_url(text, "it has a path");
  if (!std::ranges::all_of(authority, is_plain))
    return unreadable_url(text, "it has characters that no host name has");
  address.authority = authority;

  const auto bracket = authority.starts_with('[') ? authority.find(']') : std::string_view::npos;
  if (authority.starts_with('[') && bracket == std::string_view::npos)
    return unreadable_url(text, "a bracket is not closed");
  const bool v6 = bracket != std::string_view::npos;
  const auto host_end = v6 ? bracket + 1 : std::min(authority.find(':'), authority.size());
  address.host = v6 ? authority.substr(1, bracket - 1) : authority.substr(0, host_end);
  auto port = authority.substr(host_end);
  if (address.host.empty()) return unreadable_url(text, "it has no host");
  if (port.empty()) port = address.tls ? ":443" : ":80";
  if (!port.starts_with(':')) return unreadable_url(text, "a port should follow the bracket");
  port.remove_prefix(1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos ||
      std::stoi(std::string(port)) > 65535)
    return unreadable_url(text, "the port is not a number from 0 to 65535");
  address.port = port;
  return address;
}

}  // namespace galley::http
