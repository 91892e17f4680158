#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "context.h"
#include "reply.h"
#include "stream_reply.h"

namespace galley::api {
namespace {

const std::array<std::string, 9> kKinds{"job",     "run",  "metrics", "node", "snapshot",
                                        "channel", "load", "study",   "eta"};

Result<std::vector<std::string>> wanted_kinds(const http::Request& request) {
  std::vector<std::string> kinds;
  for (const std::string_view part : split(query_text(request, "kinds"), ',')) {
    std::string kind(trim(part));
    if (kind.empty()) continue;
    if (std::ranges::find(kKinds, kind) == kKinds.end()) {
      const std::string close = nearest(kind, kKinds);
      return Error{Errc::invalid_argument, "found '" + kind.substr(0, 40) + "'", "kinds",
                   "job, run, metrics, node, snapshot, channel, load, study or eta",
                   close.empty() ? std::string() : "did you mean " + close + "?"};
    }
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

/// A reader that comes back says with Last-Event-ID what it saw, whatever its address still says.
Result<std::int64_t> start_after(const Context& context, const http::Request& request) {
  std::string text(request.headers.get("Last-Event-ID"));
  if (text.empty()) text = query_text(request, "after");
  if (text.empty() || text == "now") return context.feed->newest();
  std::int64_t seq = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
  if (error != std::errc{} || end != text.data() + text.size() || seq < 0)
    return Error{Errc::invalid_argument, "found '" + text.substr(0, 40) + "'", "after",
                 "now or the seq of an event"};
  return seq;
}

}  // namespace

void add_event_routes(Endpoints& endpoints, Context& context) {
  endpoints.add_deferred(
      "GET", "/api/v1/events", http::Run::pool,
      {.summary = "Every change as it happens (server-sent events), resumed by Last-Event-ID.",
       .content_type = "text/event-stream",
       .query = {{"after", "Begin after this seq; now when absent."},
                 {"kinds", "Of these kinds, with commas between; all when absent."}}},
      [&context](const http::Exchange& exchange) {
        const auto& request = exchange.request();
        auto kinds = wanted_kinds(request);
        if (!kinds) return exchange.responder()(http::problem(kinds.error(), request.id));
        const auto after = start_after(context, request);
        if (!after) return exchange.responder()(http::problem(after.error(), request.id));
        context.feed->add_stream(exchange.stream(200, event_stream_headers()), *std::move(kinds),
                                 *after);
      });
}

}  // namespace galley::api
