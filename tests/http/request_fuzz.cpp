// A whole connection (parser, router, answers, streams) fed from memory, at once and byte by byte:
// what it answers must not depend on where the pieces end. One difference is allowed: a head that
// never ends may be refused early or not at all.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "connection.h"
#include "memory_transport.h"

namespace {

using namespace galley::http;
using galley::http::testing::MemoryTransport;

Router routes() {
  Router router;
  router.add("GET", "/a/{name}", Run::inline_on_io, [](const Request& request) {
    return Response::text(std::string(request.param("name")));
  });
  router.add("POST", "/echo/{rest...}", Run::inline_on_io,
             [](const Request& request) { return Response::text(request.body); });
  router.add_deferred("GET", "/stream", Run::inline_on_io, [](const Exchange& exchange) {
    const auto stream = exchange.stream(200, {});
    stream.event("1", "n", exchange.request().target);
    stream.finish();
  });
  return router;
}

void erase_all(std::string& text, std::string_view from, char to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at))
    text.erase(at, text.find(to, at + from.size()) + 1 - at);
}

/// Without what may differ between two runs: times, ids, and whether a body had to be asked for.
std::string comparable(std::string text) {
  erase_all(text, "HTTP/1.1 100 Continue\r\n\r", '\n');
  erase_all(text, "Date: ", '\n');
  erase_all(text, "X-Request-Id: ", '\n');
  erase_all(text, "\"request_id\":", ',');
  return text;
}

std::string answers_to(std::string_view bytes, std::size_t piece) {
  static const Router router = routes();
  Pool pool(1, 1);
  auto hub = std::make_shared<Hub>([] {});
  Limits limits;
  limits.header_bytes = 4000;
  limits.body_bytes = 5000;
  Site site(router.impl(), limits, pool, hub);
  site.on_quiet = [](Connection&) {};
  auto peer = std::make_shared<MemoryTransport::Peer>();
  peer->taken_at_once = piece * 7;
  auto connection = std::make_shared<Connection>(site, std::make_unique<MemoryTransport>(peer),
                                                 galley::http::Peer{});
  connection->start();
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    MemoryTransport::feed(peer, bytes.substr(0, piece));
    hub->deliver();
  }
  // A pipelined stream is followed by what waits behind it; every turn finishes at least one.
  for (int turn = 0; turn < 1000 && connection->busy(); ++turn) {
    hub->deliver();
    MemoryTransport::feed(peer, {});
    if (turn == 500) MemoryTransport::hang_up(peer);
  }
  if (connection->busy()) std::abort();
  connection->close();
  peer->reader.reset();
  hub->close();
  return comparable(peer->received);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = answers_to(bytes, 1 << 20);
  if (size > 4096) return 0;
  const auto single = answers_to(bytes, 1);
  const auto common = std::min(whole.size(), single.size());
  const auto rest = std::max(whole, single, [](const auto& a, const auto& b) {
                      return a.size() < b.size();
                    }).substr(common);
  const bool same = whole.compare(0, common, single, 0, common) == 0;
  const bool refused = rest.starts_with("HTTP/1.1 4") || rest.starts_with("HTTP/1.1 5");
  if (!same || !(rest.empty() || refused)) std::abort();
  return 0;
}
