#include "tracking_server.h"

#include "tracking/log_batch.h"

namespace galley::bench {
namespace {

using Parse = Result<tracking::LogBatch> (*)(std::string_view body, std::int64_t now_ms);

/// Reading the call is done here on the I/O thread: it takes less than handing it over and back.
void answer_logged(http::Exchange exchange, tracking::Tracking& tracking, const Clock& clock,
                   Parse parse) {
  const http::Responder respond = exchange.responder();
  const auto refuse = [respond](const Error& error) { respond(http::problem(error, "")); };
  auto batch = parse(exchange.request().body, to_ms(clock.wall()));
  if (!batch) return refuse(batch.error());
  const auto run = RunId::parse(batch->run_id);
  if (!run) return refuse(run.error());
  tracking.log_batch(*run, std::move(batch->points), [respond, refuse](const Status& status) {
    if (status)
      respond(http::Response::json("{}"));
    else
      refuse(status.error());
  });
}

}  // namespace

Result<std::unique_ptr<TrackingServer>> TrackingServer::start() {
  GALLEY_TRY(auto folder, support::ScratchFolder::make());
  std::unique_ptr<TrackingServer> made(new TrackingServer(std::move(folder)));
  GALLEY_TRY(made->database_,
             store::open_sqlite({.path = (made->folder_ / "tracking.db").string()}));
  made->tracking_ =
      std::make_unique<tracking::Tracking>(*made->database_, system_clock(), made->ids_);
  http::Router router;
  for (const auto& [pattern, parse] : {std::pair("/log-batch", &tracking::parse_log_batch),
                                       std::pair("/log-metric", &tracking::parse_log_metric)})
    router.add_deferred("POST", pattern, http::Run::inline_on_io,
                        [server = made.get(), parse = parse](http::Exchange exchange) {
                          answer_logged(std::move(exchange), *server->tracking_, system_clock(),
                                        parse);
                        });
  GALLEY_TRY(made->server_, http::Server::start({.listen = {"127.0.0.1:0"}}, std::move(router)));
  return made;
}

Result<std::unique_ptr<http::Client>> TrackingServer::connect() const {
  return http::Client::open({.server = "http://" + server_->addresses().front()});
}

Status post_logged(http::Client& client, const std::string& target, std::string body) {
  GALLEY_TRY(const auto answer,
             client.send({.method = "POST", .target = target, .body = std::move(body)}));
  if (answer.status == 200) return ok();
  return Error{Errc::internal,
               target + " answered " + std::to_string(answer.status) + ": " + answer.body};
}

}  // namespace galley::bench
