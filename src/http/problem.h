#pragma once

#include <string_view>

#include "http/message.h"

namespace galley::http {

/// The problem+json answer of an error that the transport itself found, where the status says more
/// than any Errc can (405, 408, 414, 417, 431, 501, 505).
Response problem_with_status(int status, const Error& error, std::string_view request_id);

/// "Not Found" of 404; "Unknown" of what is not registered.
std::string_view reason_of(int status);

}  // namespace galley::http
