#pragma once

#include "accounts/records.h"
#include "base/json.h"
#include "http/message.h"

namespace galley::api {

Json print_user(const accounts::User& user);
Json user_schema();
/// Without the secret, which nobody has.
Json print_token(const accounts::Token& token);
Json token_schema();

/// Who makes the change of this request.
accounts::By by(const http::Request& request);

}  // namespace galley::api
