#pragma once

#include <optional>
#include <string_view>

#include "controller/agent_registry.h"
#include "http/message.h"

namespace galley::api {

struct Context;
class Endpoints;

inline constexpr std::string_view kInternalPrefix = "/internal/v1/";
inline constexpr const char* kJoinPattern = "/internal/v1/join";
inline constexpr const char* kManifestPattern = "/internal/v1/manifests/{sha256}";

/// Whose request it is, by its credential. Errors: unauthenticated.
Result<controller::AgentRegistry::Agent> agent_of(const Context& context,
                                                  const http::Request& request);

/// Judges a request under kInternalPrefix by its head. The Host does not matter here: a browser
/// that was led to us under another name has no agent's credential.
std::optional<http::Response> check_agent(const Context& context, const http::Request& request,
                                          std::string_view pattern);

/// Progress, files, data sets and logs of agents.
void add_agent_data_routes(Endpoints& endpoints, Context& context);

}  // namespace galley::api
