#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "http/message.h"

namespace galley::openai {

/// The status that OpenAI's clients expect for an error: 429 where the queue is full, 400 for a
/// prompt that is longer than what the model reads, else as everywhere.
int status_of(const Error& error);

/// {"error": {message, type, param, code}}; the message holds all that the Error says.
Json error_body(const Error& error);
/// With Retry-After where trying again helps.
http::Response error_reply(const Error& error);

}  // namespace galley::openai
