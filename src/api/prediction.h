#pragma once

#include "base/clock.h"
#include "context.h"
#include "http/server.h"

namespace galley::api {

using PredictionHandler = http::Response (*)(Context& context, const http::Request& request,
                                             Instant began);

/// Answers on the I/O thread when the body is small, else on the worker; counts the time.
void serve_prediction(Context& context, const http::Exchange& exchange, PredictionHandler handler);

}  // namespace galley::api
