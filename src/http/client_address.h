#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::http {

/// Where a client connects.
struct ServerAddress {
  bool tls = false;
  std::string host;  // name or number without brackets; empty for a local socket
  std::string port;
  std::string path;       // of the local socket; empty for TCP
  std::string authority;  // for the Host field
  std::string text;       // as the user wrote it, for messages
};

/// Errors: invalid_argument.
Result<ServerAddress> parse_server(std::string_view text);

}  // namespace galley::http
