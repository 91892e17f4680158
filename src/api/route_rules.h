#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "accounts/permissions.h"

namespace galley::api {

/// What the audit log keeps of a route that changes something.
enum class Audited {
  no_change,  // it only asks
  row,        // each change leaves a row
  data,       // a stream of data of something whose making left a row
};

struct RouteRule {
  std::string_view method;
  std::string_view pattern;
  accounts::Action action;
  Audited audited = Audited::no_change;
};

/// The one table of what each route of people and programs is. A test holds it against the routes
/// that are served: none may be missing, and none may be left over.
std::span<const RouteRule> route_rules();

/// The rule of a route; nothing for one that the table lacks, which is an administrator's only.
std::optional<RouteRule> rule_of(std::string_view method, std::string_view pattern);

}  // namespace galley::api
