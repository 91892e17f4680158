#pragma once

#include "http/message.h"

namespace galley::api {

/// Of a stream of server-sent events: not kept, and not held back by a proxy.
inline http::Headers event_stream_headers() {
  http::Headers headers;
  headers.set("Content-Type", "text/event-stream");
  headers.set("Cache-Control", "no-store");
  headers.set("X-Accel-Buffering", "no");
  return headers;
}

}  // namespace galley::api
