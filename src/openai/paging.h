#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/message.h"

namespace galley::openai {

/// ?limit and ?after of OpenAI's lists over objects with an "id", which come newest first:
/// {object, data, first_id, last_id, has_more}. Errors: invalid_argument naming the parameter.
Result<Json> page_of(const std::vector<Json>& objects, const http::Request& request);

}  // namespace galley::openai
