#pragma once

#include <string_view>

#include "http/message.h"

namespace galley::http {

/// The path of a request target as it was sent, still encoded and without the query: "/a%20b" of
/// "/a%20b?x=1" and of "http://host/a%20b?x=1". Points into the target.
std::string_view raw_path(std::string_view target);

/// Fills path and query from Request::target.
/// Errors: invalid_argument for bad percent-encoding, a NUL byte, or bytes that are not UTF-8.
Status parse_target(Request& request);

}  // namespace galley::http
