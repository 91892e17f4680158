#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/message.h"

namespace galley::api {

/// The lower-case name in "Name:7420", "[::1]:0" or "name"; IPv6 keeps its brackets. Empty when it
/// is neither.
std::string host_name(std::string_view host_and_port);
/// Whether it is an IP address rather than a name: a page elsewhere can make a name point at us
/// (DNS rebinding), but not an address.
bool is_address(std::string_view host);
/// Whether the origin is a page of the very host and port that the request went to.
bool is_origin_of(std::string_view origin, std::string_view host_header);
/// "application/json" of "Application/JSON; charset=utf-8".
std::string media_type(std::string_view content_type);
std::optional<std::string> bearer_token(std::string_view authorization);
/// User and password of "Basic …". Nothing where it is something else, or no base64.
std::optional<std::pair<std::string, std::string>> basic_credentials(
    std::string_view authorization);
std::optional<std::string> cookie_value(const http::Headers& headers, std::string_view name);
/// Whether a comma-separated header names the word with a weight over 0.
bool accepts(std::string_view header, std::string_view word);

}  // namespace galley::api
