#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/server.h"
#include "openai/service.h"

namespace galley::app {

/// Who may ask a `galley serve`. With a key: whoever sends it. Without one: whoever reaches us, but
/// no web page of another site, which a browser on this machine would run for a stranger: such a
/// request names another origin, or reaches loopback by a name that is not ours.
class ServeGate {
 public:
  /// `routes`: what is served, for which of it is open.
  ServeGate(std::string api_key, const std::vector<openai::Route>& routes);
  std::optional<http::Response> check(const http::Request& request, std::string_view pattern) const;

 private:
  std::string api_key_;
  std::vector<std::string> open_;  // "GET /health"
};

}  // namespace galley::app
