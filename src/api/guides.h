#pragma once

#include "base/json.h"
#include "base/result.h"
#include "context.h"
#include "http/message.h"

namespace galley::api {

/// A refusal in the form of a guide, for what no plan was made of.
Json guide_of_refusal(const Error& error);

/// What is wrong with the amounts (protocol::is_about_amounts) and what the planner would take
/// instead.
Json guide_of_amounts(const Context& context, const http::Request& request, const Json& spec,
                      const Error& error);

/// The problem+json of a refusal with the member `guide`.
http::Response refuse_with_guide(const Error& error, const http::Request& request, Json guide);

}  // namespace galley::api
