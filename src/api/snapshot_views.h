#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "context.h"
#include "registry/registry.h"

namespace galley::api {

Json print_snapshot(const registry::Snapshot& snapshot);
Json snapshot_schema();
Json print_channel(const registry::Channel& channel);
Json channel_schema();

/// POST of a new version: the manifest of the body, or the artifact that it names.
/// 201, or 200 when the newest version has that content already.
Result<http::Response> freeze(Context& context, const http::Request& request, registry::Kind kind,
                              const std::string& name);

/// All versions of a name, newest first. Errors: not_found when there is none.
Result<std::vector<registry::Snapshot>> versions_of(Context& context, registry::Kind kind,
                                                    std::string_view name);

}  // namespace galley::api
