#include "tracking_server.h"

namespace galley::bench {

Result<std::unique_ptr<TrackingServer>> TrackingServer::start(const std::string& database) {
  GALLEY_TRY(auto folder, support::ScratchFolder::make());
  std::unique_ptr<TrackingServer> made(new TrackingServer(std::move(folder)));
  GALLEY_TRY(made->database_,
             store::open(database.empty() ? "sqlite:" + (made->folder_ / "tracking.db").string()
                                          : database));
  GALLEY_TRY(made->blobs_, blobs::BlobStore::open(made->folder_ / "blobs"));
  const Clock& clock = system_clock();
  made->tracking_ = std::make_unique<tracking::Tracking>(*made->database_, clock, made->ids_);
  made->registry_ =
      std::make_unique<registry::Registry>(*made->database_, *made->blobs_, clock, made->ids_);
  made->mlflow_ = std::make_unique<mlflow::Service>(mlflow::Services{
      *made->tracking_, *made->registry_, *made->blobs_, *made->database_, clock, made->ids_});
  http::Router router;
  for (mlflow::Route& route : made->mlflow_->routes())
    router.add_deferred(route.method, route.pattern, route.run, std::move(route.handler));
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
