#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/ids.h"

namespace galley::api {

/// "RUN_ID.MAC", where MAC is HMAC-SHA256(secret, RUN_ID) in hexadecimal: whoever holds the secret
/// can check a token without having stored it.
std::string make_job_token(std::string_view secret, const RunId& run);
/// The run of a token that we made; nothing for any other text. Constant time in the MAC.
std::optional<RunId> run_of_job_token(std::string_view secret, std::string_view token);

}  // namespace galley::api
